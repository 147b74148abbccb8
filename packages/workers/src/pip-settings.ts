import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where this machine's pip finds packages. Addresses may hold credentials: they are passed on in memory, never written. */
export interface PipSettings {
  readonly index: string
  readonly extraIndexes: readonly string[]
  readonly findLinks: readonly string[]
  readonly noIndex: boolean
  /** PEM file of the certificate authorities to trust. */
  readonly certificates: string | undefined
  readonly trustedHosts: readonly string[]
  readonly timeoutSeconds: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** The files that pip reads, weakest first (pip's documentation, "Configuration files"). */
function configFiles(env: Environment): string[] {
  const only = env.PIP_CONFIG_FILE
  if (only === '/dev/null') return []
  const home = env.HOME
  const xdg = (env.XDG_CONFIG_DIRS ?? '/etc/xdg').split(':').map((folder) => join(folder, 'pip/pip.conf'))
  const user = home
    ? [join(home, '.pip/pip.conf'), join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'pip/pip.conf')]
    : []
  return [...xdg, '/etc/pip.conf', ...user, ...(only ? [only] : [])]
}

/** Reads pip's INI dialect: `key = value` below `[section]`, longer values going on in indented lines. */
export function parsePipConfig(text: string): Map<string, string> {
  const values = new Map<string, string>()
  let section = ''
  let last: string | undefined
  for (const line of text.split('\n')) {
    if (/^\s*([#;]|$)/.test(line)) continue
    const heading = /^\[(.+)\]\s*$/.exec(line)
    const pair = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line)
    if (heading) {
      section = heading[1] ?? ''
      last = undefined
    } else if (/^\s/.test(line)) {
      if (last !== undefined) values.set(last, `${values.get(last) ?? ''}\n${line.trim()}`)
    } else if (pair) {
      last = `${section}.${(pair[1] ?? '').toLowerCase().replaceAll('_', '-')}`
      values.set(last, (pair[2] ?? '').trim())
    }
  }
  return values
}

/** What pip would use here: environment over the user's file over the machine's, `[install]` over `[global]`. */
export function pipSettings(env: Environment = process.env): PipSettings {
  const merged = new Map<string, string>()
  for (const file of configFiles(env)) {
    if (!existsSync(file)) continue
    const values = parsePipConfig(readFileSync(file, 'utf8'))
    for (const section of ['global', 'install'])
      for (const [key, value] of values)
        if (key.startsWith(`${section}.`)) merged.set(key.slice(section.length + 1), value)
  }
  const get = (key: string) => env[`PIP_${key.toUpperCase().replaceAll('-', '_')}`] ?? merged.get(key)
  const list = (key: string) => (get(key) ?? '').split(/\s+/).filter((value) => value !== '')
  return {
    index: get('index-url') ?? 'https://pypi.org/simple',
    extraIndexes: list('extra-index-url'),
    findLinks: list('find-links'),
    noIndex: /^(1|true|yes|on)$/i.test(get('no-index') ?? ''),
    certificates: get('cert') ?? env.SSL_CERT_FILE,
    trustedHosts: list('trusted-host'),
    timeoutSeconds: Number(get('timeout') ?? get('default-timeout') ?? 60),
  }
}

/** The same settings as uv's own variables. What the caller's environment already says to uv wins. */
export function uvVariables(settings: PipSettings, env: Environment = process.env): Record<string, string> {
  const variables: Record<string, string> = {
    UV_DEFAULT_INDEX: settings.index,
    UV_HTTP_TIMEOUT: String(settings.timeoutSeconds),
    // Hashes are pinned: whichever index has the file, it is the same file.
    UV_INDEX_STRATEGY: 'unsafe-best-match',
  }
  if (settings.extraIndexes.length > 0) variables.UV_INDEX = settings.extraIndexes.join(' ')
  if (settings.findLinks.length > 0) variables.UV_FIND_LINKS = settings.findLinks.join(',')
  if (settings.certificates !== undefined) variables.SSL_CERT_FILE = settings.certificates
  if (settings.trustedHosts.length > 0) variables.UV_INSECURE_HOST = settings.trustedHosts.join(' ')
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && (name.startsWith('UV_') || /^(https?|all|no)_proxy$/i.test(name)))
      variables[name] = value
  return variables
}
