import { createReadStream } from 'node:fs'
import { lstat, readdir, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { isMissing, type MlflowHttp } from './sources/http.ts'
import { Files } from './sources/wire.ts'

/** The run or logged model whose files are meant, and where MLflow says that they lie. */
export interface Owner {
  readonly kind: 'run' | 'loggedModel'
  readonly id: string
  readonly uri: string
}

export interface SourceFile {
  /** Relative to the owner's root, with "/". */
  readonly path: string
  readonly bytes: number
}

/** All files of an owner, or why they cannot be read. */
export type Listing =
  | { readonly kind: 'files'; readonly files: readonly SourceFile[]; readonly leftOut: readonly string[] }
  | { readonly kind: 'unreachable'; readonly reason: string }

/** Reads artifacts where MLflow left them. */
export interface ArtifactReader {
  list(owner: Owner): Promise<Listing>
  open(owner: Owner, path: string): Promise<Readable>
}

const PROXIED = /^mlflow-artifacts:(?:\/\/[^/]*)?\/*/

/** Addresses that a client with its own rights may open: they are kept as they are. */
export function isObjectStore(uri: string): boolean {
  return /^(s3|gs|wasbs?|abfss?|dbfs|hdfs|viewfs|b2|r2):/.test(uri)
}

/** Reads a folder of this machine: the root of the server's --artifacts-destination. Nothing outside of it is ever opened. */
export function folderReader(folder: string): ArtifactReader {
  const root = realpath(folder)

  /** The folder of an owner; null when its address leads out of the root or to another machine. */
  async function folderOf({ uri }: Owner): Promise<string | null> {
    const top = await root
    const place = PROXIED.test(uri)
      ? join(top, uri.replace(PROXIED, ''))
      : uri.startsWith('file:')
        ? fileURLToPath(uri)
        : /^[A-Za-z][\w+.-]*:/.test(uri)
          ? null
          : resolve(top, uri)
    if (place === null) return null
    // An owner without files has no folder; what is there must not lead out by a link.
    const real = await realpath(place).catch(() => place)
    return isWithin(top, real) ? real : null
  }

  async function walk(top: string, folder: string, found: SourceFile[], leftOut: string[]): Promise<void> {
    for (const entry of await readdir(join(top, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) await walk(top, path, found, leftOut)
      else if (entry.isFile()) found.push({ path, bytes: (await lstat(join(top, path))).size })
      else leftOut.push(path)
    }
  }

  return {
    async list(owner) {
      const place = await folderOf(owner)
      if (place === null) return { kind: 'unreachable', reason: 'it does not lie below the folder of --artifacts' }
      const files: SourceFile[] = []
      const leftOut: string[] = []
      try {
        await walk(place, '', files, leftOut)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
      return { kind: 'files', files, leftOut }
    },
    async open(owner, path) {
      const place = await folderOf(owner)
      if (place === null) throw new Error(`${owner.uri} does not lie below the folder of --artifacts.`)
      return createReadStream(join(place, path))
    },
  }
}

function isWithin(top: string, path: string): boolean {
  const way = relative(top, path)
  return way === '' || (!way.startsWith('..') && !isAbsolute(way))
}

/** Reads through an MLflow server: its artifact proxy, else what the server itself can open. */
export function serverReader(http: MlflowHttp): ArtifactReader {
  const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/')

  async function folder(owner: Owner, path: string) {
    if (PROXIED.test(owner.uri)) {
      const root = owner.uri.replace(PROXIED, '')
      const query = { path: path === '' ? root : `${root}/${path}` }
      const { files } = await http.get('/api/2.0/mlflow-artifacts/artifacts', query, Files)
      return files
    }
    const files = []
    const [url, query] =
      owner.kind === 'run'
        ? ['/api/2.0/mlflow/artifacts/list', { run_id: owner.id, ...(path === '' ? {} : { path }) }]
        : [
            `/api/2.0/mlflow/logged-models/${owner.id}/artifacts/directories`,
            path === '' ? {} : { artifact_directory_path: path },
          ]
    for (let token: string | undefined, first = true; first || token; first = false) {
      const page = await http.get(String(url), { ...(query as object), ...(token ? { page_token: token } : {}) }, Files)
      files.push(...page.files)
      token = page.next_page_token === token ? undefined : page.next_page_token
    }
    return files
  }

  async function walk(owner: Owner, path: string, found: SourceFile[]): Promise<void> {
    for (const entry of await folder(owner, path)) {
      const name = entry.path.split('/').at(-1) ?? ''
      const full = path === '' ? name : `${path}/${name}`
      if (entry.is_dir) await walk(owner, full, found)
      else found.push({ path: full, bytes: entry.file_size })
    }
  }

  return {
    async list(owner) {
      const files: SourceFile[] = []
      try {
        await walk(owner, '', files)
      } catch (error) {
        // A run that logged nothing has no folder; one whose storage the server cannot open is told.
        if (!isMissing(error))
          return { kind: 'unreachable', reason: error instanceof Error ? error.message : String(error) }
      }
      return { kind: 'files', files, leftOut: [] }
    },
    async open(owner, path) {
      const response = PROXIED.test(owner.uri)
        ? await http.open(
            `/api/2.0/mlflow-artifacts/artifacts/${encoded(`${owner.uri.replace(PROXIED, '')}/${path}`)}`,
            {},
          )
        : owner.kind === 'run'
          ? await http.open('/get-artifact', { run_uuid: owner.id, path })
          : await http.open(`/ajax-api/2.0/mlflow/logged-models/${owner.id}/artifacts/files`, {
              artifact_file_path: path,
            })
      if (!response.body) throw new Error(`${owner.uri}/${path} came without content.`)
      return Readable.fromWeb(response.body)
    },
  }
}
