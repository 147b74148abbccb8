/** What a writer logs at its nth call: told by the number alone, so that the judge knows it without asking the writer. */

/** What a writer says on its stdout, a line each. */
export type Said =
  | { readonly kind: 'run'; readonly run: string }
  | { readonly kind: 'acknowledged'; readonly call: number; readonly retries: number }

export interface Point {
  readonly key: string
  readonly value: number
  readonly step: number
  readonly timestamp: number
}

const BATCH_EVERY = 5
const POINTS_OF_A_BATCH = 60
const KEYS = 4
const START = 1_000_000_000_000

/** Keys of all that a writer logs. */
export const KEYS_WRITTEN: readonly string[] = ['loss', ...Array.from({ length: KEYS }, (_, index) => `layer ${index}`)]

/** The single metric of a call; undefined when the call is a batch. */
export function singleAt(call: number): Point | undefined {
  if (call % BATCH_EVERY === BATCH_EVERY - 1) return undefined
  return { key: 'loss', value: 1 / (call + 1), step: call, timestamp: START + call }
}

/** The batch of a call: points of several metrics, and a parameter that no other call has. */
export function batchAt(call: number): { metrics: Point[]; params: { key: string; value: string }[] } {
  const metrics = Array.from({ length: POINTS_OF_A_BATCH }, (_, index) => {
    const step = call * POINTS_OF_A_BATCH + index
    return { key: `layer ${index % KEYS}`, value: Math.sin(step), step, timestamp: START + step }
  })
  return { metrics, params: [{ key: `call ${call}`, value: String(call * 3) }] }
}
