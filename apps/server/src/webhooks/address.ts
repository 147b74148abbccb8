import { lookup as lookUpName } from 'node:dns/promises'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { invalid } from '@tidemark/mlflow-protocol'

export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

/** Which addresses webhooks may call. */
export interface AddressRules {
  /** For tests: this machine's loopback, by http as well. */
  readonly loopback: boolean
  readonly resolve: (name: string) => Promise<readonly Address[]>
}

/** An address that may not be called; never tried again. */
export class AddressRefused extends Error {}

const NOT_PUBLIC_4 = new BlockList()
// IANA's registry of special-purpose addresses, and multicast.
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  NOT_PUBLIC_4.addSubnet(network, prefix, 'ipv4')
}

// The one part of IPv6 that is routed in public, less what of it is special (Teredo, ORCHID, documentation, 6to4).
const ROUTED_6 = new BlockList()
ROUTED_6.addSubnet('2000::', 3, 'ipv6')
const NOT_PUBLIC_6 = new BlockList()
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  NOT_PUBLIC_6.addSubnet(network, prefix, 'ipv6')
}

/** Whether an IP address is one of the public internet. An IPv6 form that carries an IPv4 address is what it carries. */
export function isPublic(address: string): boolean {
  const carried = carriedIpv4(address)
  if (carried !== null) return isPublic(carried)
  if (isIPv4(address)) return !NOT_PUBLIC_4.check(address, 'ipv4')
  return isIP(address) === 6 && ROUTED_6.check(address, 'ipv6') && !NOT_PUBLIC_6.check(address, 'ipv6')
}

export function isLoopback(address: string): boolean {
  const carried = carriedIpv4(address)
  if (carried !== null) return isLoopback(carried)
  return isIPv4(address) ? address.startsWith('127.') : groupsOf(address).join(':') === '0:0:0:0:0:0:0:1'
}

/** The IPv4 address in a mapped (`::ffff:0:0/96`) or translated (NAT64, `64:ff9b::/96`) one. */
function carriedIpv4(address: string): string | null {
  if (isIP(address) !== 6) return null
  const groups = groupsOf(address)
  const head = groups
    .slice(0, 6)
    .map((group) => group.toString(16))
    .join(':')
  if (head !== '0:0:0:0:0:ffff' && head !== '64:ff9b:0:0:0:0') return null
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  // The URL parser writes every address in one form, without dots and with at most one gap.
  const plain = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1)
  const [head = '', tail] = plain.split('::')
  const read = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  if (tail === undefined) return read(head)
  const [before, after] = [read(head), read(tail)]
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

const RESOLVE_MILLISECONDS = 5_000

/** Asks the system's resolver; it may hang where a name server is away. */
export async function resolveName(name: string): Promise<readonly Address[]> {
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(() => timeout.reject(new Error('no answer in 5 s')), RESOLVE_MILLISECONDS)
  try {
    const found = await Promise.race([lookUpName(name, { all: true }), timeout.promise])
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
  } finally {
    clearTimeout(timer)
  }
}

/** Reads a webhook's URL and checks what can be checked without a question to a name server. @throws MlflowError in MLflow's words. */
export function readUrl(text: string, rules: AddressRules): URL {
  if (text.trim() === '') throw invalid(`Webhook URL cannot be empty or just whitespace: '${text}'`)
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase() ?? ''
  if (scheme !== 'https' && !(rules.loopback && scheme === 'http')) {
    throw invalid(`Invalid webhook URL scheme: '${scheme}'. Allowed schemes are: https.`)
  }
  if (/^[a-z]+:\/*(?:[?#]|$)/i.test(text)) throw invalid(`Webhook URL must include a hostname: '${text}'`)
  // Two readers of an address may differ on these; this server and its receiver must not.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  if (/[\u0000-\u0020\u007f\\]/.test(text) || !/^[a-z]+:\/\/[^/]/i.test(text) || !URL.canParse(text)) {
    throw invalid(`Invalid webhook URL '${text}'`)
  }
  const url = new URL(text)
  const host = hostOf(url)
  if (isIPv4(host) && !text.includes(host)) {
    throw invalid(`Webhook URL host '${host}' is not a canonical IP address literal.`)
  }
  return url
}

/** The name or bare address of a URL. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

/**
 * The addresses that a webhook's URL may be called at. What it gives is what must be connected to: asked again, a name server may lie.
 * @throws AddressRefused when one of them is not public; the resolver's error when there is none.
 */
export async function addressesOf(url: URL, rules: AddressRules): Promise<readonly Address[]> {
  const host = hostOf(url)
  const kind = isIP(host)
  const found = kind === 0 ? await rules.resolve(host) : [{ address: host, family: kind === 6 ? 6 : 4 } as const]
  if (found.length === 0) throw new Error(`no address of ${host}`)
  for (const { address } of found) {
    const here = rules.loopback && isLoopback(address)
    if (url.protocol === 'http:' ? here : here || isPublic(address)) continue
    throw new AddressRefused(
      `Webhook URL must not resolve to a non-public IP address. '${host}' resolves to ${address}.`,
    )
  }
  return found
}

/** Checks a URL that somebody gives. @throws MlflowError for one that may not be called. */
export async function checkUrl(text: string, rules: AddressRules): Promise<URL> {
  const url = readUrl(text, rules)
  try {
    await addressesOf(url, rules)
  } catch (error) {
    if (error instanceof AddressRefused) throw invalid(error.message)
    // A machine for tests may have no name server; what may be called is checked again when it is.
    if (!rules.loopback)
      throw invalid(`Cannot resolve Webhook URL hostname '${hostOf(url)}': ${(error as Error).message}`)
  }
  return url
}
