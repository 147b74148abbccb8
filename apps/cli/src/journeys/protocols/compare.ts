import type { Given, Payload } from './payload.ts'

/** What a server answered. */
export interface Asked {
  readonly status: number
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
  readonly type: string
}

/** Sends a payload to an address. */
export async function send(address: string, { type, body }: Payload, given: Given): Promise<Asked> {
  const made = body(given)
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof made === 'string' ? made : new Uint8Array(made),
  })
  const text = await response.text()
  const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
  return { status: response.status, text, json, type: response.headers.get('content-type') ?? '' }
}

/** Status, and the error code where there is one. */
export function shown({ status, json }: Asked): string {
  return typeof json.error_code === 'string' ? `${status} ${json.error_code}` : String(status)
}

/** How our answer is another than the stock server's: in status, code, or predictions by more than 1e-4; null: it is the same. */
export function difference(ours: Asked, theirs: Asked): string | null {
  if (shown(ours) !== shown(theirs)) return `${ours.text.slice(0, 200)} | ${theirs.text.slice(0, 200)}`
  if (ours.status === 415)
    return ours.type.split(';')[0] === theirs.type.split(';')[0] ? null : `${ours.type} | ${theirs.type}`
  if (ours.status !== 200) return null
  const [got, wanted] = [ours.json.predictions, theirs.json.predictions]
  return alike(got, wanted) ? null : `${JSON.stringify(got)} | ${JSON.stringify(wanted)}`
}

function alike(got: unknown, wanted: unknown): boolean {
  if (typeof got === 'number' && typeof wanted === 'number') return Math.abs(got - wanted) < 1e-4
  if (typeof got !== 'object' || typeof wanted !== 'object' || got === null || wanted === null) return got === wanted
  const [ours, theirs] = [Object.entries(got), Object.entries(wanted)]
  return (
    Array.isArray(got) === Array.isArray(wanted) &&
    ours.length === theirs.length &&
    ours.every(([key, value]) => Object.hasOwn(wanted, key) && alike(value, (wanted as Record<string, unknown>)[key]))
  )
}
