import { NotJson } from './errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses a body as Python's json module does: MLflow's own client writes NaN, which JSON does not have, for a missing value. NaN becomes null; Infinity a
 * number beyond range, which the type check then refuses.
 * @throws NotJson
 */
export function parseBody(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw NotJson()
  }
  try {
    return JSON.parse(text)
  } catch {
    if (!/NaN|Infinity/.test(text)) throw NotJson()
  }
  try {
    return JSON.parse(text.replace(TOKENS, replaceToken))
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
