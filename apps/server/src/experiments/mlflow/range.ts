/** What part of a file a request asks for. `start` and `end` are bytes, both included. */
export type Asked =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'beyond' }

const WHOLE: Asked = { kind: 'whole' }

/**
 * Reads `Range` and `If-Range` (RFC 9110, sections 13 and 14) for a file of `bytes` bytes. A single range is obeyed; several at once, other
 * units and what cannot be read give the whole file, as the RFC lets a server do. A range of another version of the file (`If-Range`) too.
 */
export function readRange(header: string | undefined, ifRange: string | undefined, etag: string, bytes: number): Asked {
  if (header === undefined || (ifRange !== undefined && ifRange !== etag)) return WHOLE
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header)
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return WHOLE
  if (first === '') {
    const length = Math.min(Number(last), bytes)
    return length === 0 ? { kind: 'beyond' } : { kind: 'part', start: bytes - length, end: bytes - 1 }
  }
  const start = Number(first)
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1)
  if (last !== '' && Number(last) < start) return WHOLE
  return start >= bytes ? { kind: 'beyond' } : { kind: 'part', start, end }
}

/** True when `If-None-Match` names the file that is there: `*`, or a list of tags, weak or strong. */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
