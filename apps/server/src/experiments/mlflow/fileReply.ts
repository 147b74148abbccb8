import type { FileHandle } from 'node:fs/promises'
import type { OutgoingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendOpenFile } from '../../platform/index.ts'
import type { ArtifactFile } from '../types.ts'
import { isKnown, readRange } from './range.ts'

const TEXT =
  /\.(txt|log|err|cfg|conf|cnf|cf|ini|properties|prop|hocon|toml|yaml|yml|xml|json|js|py|py3|csv|tsv|md|rst|jsonnet)$|(^|\/)(MLmodel|MLproject)$/i

/**
 * Sends an artifact as a download, whole or in part. It is never shown as a page of this origin: attachment, nosniff, a sandbox without
 * rights, a type that no browser runs, so that HTML somebody logged cannot act here.
 */
export async function sendFile(
  reply: FastifyReply,
  request: FastifyRequest,
  file: ArtifactFile,
  open: () => Promise<FileHandle>,
): Promise<FastifyReply> {
  const { headers } = request
  const etag = `"${file.digest}"`
  reply.headers({
    'content-disposition': attachment(file.path.split('/').at(-1) ?? 'download'),
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
    'accept-ranges': 'bytes',
    etag,
  })
  if (isKnown(headers['if-none-match'], etag)) return reply.code(304).send()
  const [ifRange] = [headers['if-range']].flat()
  // A range is of the content that GET gives: HEAD tells about the whole.
  const asked = readRange(request.method === 'HEAD' ? undefined : headers.range, ifRange, etag, file.bytes)
  switch (asked.kind) {
    case 'beyond':
      return reply.code(416).header('content-range', `bytes */${file.bytes}`).send()
    case 'part':
      reply
        .code(206)
        .header('content-range', `bytes ${asked.start}-${asked.end}/${file.bytes}`)
        .header('content-length', asked.end - asked.start + 1)
      break
    case 'whole':
      reply.header('content-length', file.bytes)
  }
  reply.type(TEXT.test(file.path) ? 'text/plain' : 'application/octet-stream')
  // Else the whole file would be read, to be thrown away.
  if (request.method === 'HEAD') return reply.send(Readable.from([]))
  const opened = await open()
  const { start, end } = asked.kind === 'part' ? asked : { start: 0, end: file.bytes - 1 }
  reply.hijack()
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders)
  await sendOpenFile(reply.raw, opened, start, end)
  return reply
}

/** RFC 6266: an ASCII name for all, the true name encoded (RFC 5987). */
function attachment(name: string): string {
  const ascii = name.normalize('NFKD').replace(/[^\x20-\x7e]|["\\%]/g, '') || 'download'
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
