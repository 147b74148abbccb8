import { invalid } from './errors.ts'

/** The offset that a page token stands for; 0 without one. MLflow's tokens are base64 of `{"offset": n}`. */
export function offsetOf(token: string | undefined): number {
  if (!token) return 0
  if (!/^[A-Za-z0-9+/=]+$/.test(token)) throw invalid('Invalid page token, could not base64-decode')
  const text = Buffer.from(token, 'base64').toString('utf8')
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw invalid(`Invalid page token, decoded value=b'${text.slice(0, 100)}'`)
  }
  const offset = (parsed as { offset?: unknown } | null)?.offset
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 1) {
    throw invalid(`Invalid page token, parsed value=${JSON.stringify(parsed).slice(0, 100)}`)
  }
  return offset
}

/** The token of the page that begins at an offset, as MLflow's own server writes it. */
export function tokenOf(offset: number): string {
  return Buffer.from(`{"offset": ${offset}}`).toString('base64')
}
