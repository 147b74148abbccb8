import { createHash } from 'node:crypto'
import { Readable, Transform } from 'node:stream'
import type { api, Client, ImportKind } from '@tidemark/contracts'

export type ImportClient = Client<typeof api>['imports']

/** The platform that an import writes to. */
export interface Target {
  readonly id: string
  readonly client: ImportClient
  /** What came in before of these ids and was found good, by id. */
  known(kind: ImportKind, ids: readonly string[]): Promise<ReadonlyMap<string, { stamp: string; digest: string }>>
  /** Reads things back. @returns the ids whose digest here is not the one given. */
  differing(kind: Exclude<ImportKind, 'files'>, digests: ReadonlyMap<string, string>): Promise<string[]>
  /** Streams a file into the artifact tree. @returns the SHA-256 of what was read, and why the platform refused it, if it did */
  upload(path: string, content: Readable): Promise<{ digest: string; refused: string | null }>
}

/** @param place the platform's address, and what each request to it says of who asks */
export function importTarget(
  id: string,
  client: ImportClient,
  place: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
): Target {
  return {
    id,
    client,
    async known(kind, ids) {
      if (ids.length === 0) return new Map()
      const { items } = await client.knownItems({ params: { import: id }, body: { kind, ids: [...ids] } })
      return new Map(items.map((item) => [item.id, item]))
    },
    async differing(kind, digests) {
      if (digests.size === 0) return []
      const { items } = await client.checkItems({ params: { import: id }, body: { kind, ids: [...digests.keys()] } })
      return items.filter((item) => item.digest !== digests.get(item.id)).map((item) => item.id)
    },
    async upload(path, content) {
      const hash = createHash('sha256')
      const measure = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk)
          done(null, chunk)
        },
      })
      content.on('error', (error) => measure.destroy(error))
      const address = `${place.url}/api/2.0/mlflow-artifacts/artifacts/${path.split('/').map(encodeURIComponent).join('/')}`
      const request = {
        method: 'PUT',
        headers: { ...place.headers, 'content-type': 'application/octet-stream' },
        body: Readable.toWeb(content.pipe(measure)) as ReadableStream,
        duplex: 'half' as const,
      }
      const response = await fetch(address, request)
      const said = await response.text()
      if (response.ok) return { digest: `sha256:${hash.digest('hex')}`, refused: null }
      content.destroy()
      // 400: a name that this platform does not take; 409: the file of a registered version.
      if (response.status === 400 || response.status === 409) return { digest: '', refused: messageOf(said) }
      throw new Error(`The platform answered ${response.status} to the upload of ${path}: ${messageOf(said)}`)
    },
  }
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message : text.slice(0, 300)
  } catch {
    return text.slice(0, 300)
  }
}
