import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PipSettings } from './pip-settings.ts'

const MAX_REDIRECTS = 5

/**
 * Finds a file by name in pip's find-links folders and indexes (PEP 503 and 691) and returns its bytes, without pip.
 * Proxies are not spoken to. The caller checks the digest.
 * @throws Error that names each place asked, without credentials
 */
export async function fetchDistribution(project: string, file: string, settings: PipSettings): Promise<Buffer> {
  for (const link of settings.findLinks) {
    const folder = link.startsWith('file:') ? fileURLToPath(link) : link
    if (existsSync(folder) && !folder.startsWith('http') && readdirSync(folder).includes(file))
      return readFileSync(join(folder, file))
  }
  const failures: string[] = []
  for (const index of settings.noIndex ? [] : [settings.index, ...settings.extraIndexes]) {
    const page = new URL(`${index.replace(/\/$/, '')}/${project}/`)
    try {
      const address = addressOf(file, await download(page, settings), page)
      if (address !== undefined) return (await download(address, settings)).body
      failures.push(`${page.host} has no ${file}`)
    } catch (error) {
      failures.push(`${page.host}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new Error(failures.join('; ') || `no index is configured and no find-links folder holds ${file}`)
}

interface Answer {
  readonly body: Buffer
  readonly type: string
  readonly url: URL
}

/** The address of a file on a project's page, JSON (PEP 691) or HTML (PEP 503). */
function addressOf(file: string, page: Answer, asked: URL): URL | undefined {
  const text = page.body.toString('utf8')
  const found = page.type.includes('json')
    ? (JSON.parse(text) as { files?: { filename?: string; url?: string }[] }).files?.find((f) => f.filename === file)
        ?.url
    : [...text.matchAll(/<a\s[^>]*href="([^"]+)"[^>]*>\s*([^<]+?)\s*<\/a>/gi)].find((link) => link[2] === file)?.[1]
  if (found === undefined) return undefined
  const address = new URL(found.replaceAll('&amp;', '&'), page.url)
  // An index behind a password serves its files behind the same one.
  if (address.host === asked.host && address.username === '') {
    address.username = asked.username
    address.password = asked.password
  }
  return address
}

async function download(url: URL, settings: PipSettings, redirects = 0): Promise<Answer> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const accept = 'application/vnd.pypi.simple.v1+json, text/html;q=0.2, */*;q=0.1'
    const options = {
      headers: { accept, 'user-agent': 'tidemark' },
      timeout: settings.timeoutSeconds * 1000,
      ...(url.username ? { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` } : {}),
    }
    const secure = {
      ...options,
      ...(settings.certificates && existsSync(settings.certificates)
        ? { ca: readFileSync(settings.certificates) }
        : {}),
      rejectUnauthorized: !settings.trustedHosts.some((host) => host === url.hostname || host === url.host),
    }
    const request = url.protocol === 'https:' ? getHttps(url, secure, resolve) : getHttp(url, options, resolve)
    request.on('timeout', () => request.destroy(new Error(`no answer in ${settings.timeoutSeconds} s`)))
    request.on('error', reject)
  })
  const status = answer.statusCode ?? 0
  const location = answer.headers.location
  if (status >= 300 && status < 400 && location !== undefined && redirects < MAX_REDIRECTS) {
    answer.resume()
    return download(new URL(location, url), settings, redirects + 1)
  }
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  if (status !== 200) throw new Error(`HTTP status ${status}`)
  return { body: Buffer.concat(chunks), type: answer.headers['content-type'] ?? '', url }
}
