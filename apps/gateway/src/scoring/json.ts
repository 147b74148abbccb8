import { isUtf8 } from 'node:buffer'
import { NotJson } from './errors.ts'

/** What a body says, and its text when that is JSON as it stands. */
export interface ReadJson {
  readonly value: unknown
  /** undefined: the body has words that JSON does not have. */
  readonly text: string | undefined
}

/**
 * Parses a body as Python's json module does: MLflow's own client writes NaN, which JSON does not have, for a missing value. NaN becomes null; Infinity a
 * number beyond range, which the type check then refuses.
 * @throws NotJson
 */
export function readJson(bytes: Uint8Array): ReadJson {
  if (!isUtf8(bytes)) throw NotJson()
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  try {
    return { value: JSON.parse(text), text }
  } catch {
    if (!/NaN|Infinity/.test(text)) throw NotJson()
  }
  try {
    return { value: JSON.parse(text.replace(TOKENS, replaceToken)), text: undefined }
  } catch {
    throw NotJson()
  }
}

// A text is matched whole, so that the words inside it stay.
const TOKENS = /"(?:[^"\\]|\\.)*"|\bNaN\b|-?\bInfinity\b/g

function replaceToken(token: string): string {
  if (token.startsWith('"')) return token
  if (token === 'NaN') return 'null'
  return token.startsWith('-') ? '-1e999' : '1e999'
}
