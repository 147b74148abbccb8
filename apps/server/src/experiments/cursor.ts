import { decodeToken, invalid, offsetOf } from '@tidemark/mlflow-protocol'
import { z } from 'zod'

/** Where a page of runs begins: after how many, and after which. */
export interface RunCursor {
  readonly offset: number
  /**
   * The last run of the page before, with its value of the metric that sorts (NaN and infinities too; null without one); absent at the beginning, and in tokens
   * of another MLflow server.
   */
  readonly after?: { readonly startMs: number; readonly id: string; readonly value: number | null } | undefined
}

const Token = z.object({
  offset: z.int().min(1),
  after: z.tuple([
    z.number(),
    z.string().max(256),
    z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]).nullable(),
  ]),
})

/** The cursor of a page token, MLflow's own `{"offset": n}` among them. @throws MlflowError for any other text. */
export function cursorOf(token: string | undefined): RunCursor {
  if (!token) return { offset: 0 }
  const { value: content } = decodeToken(token)
  if (typeof content !== 'object' || content === null || !('after' in content)) return { offset: offsetOf(token) }
  const parsed = Token.safeParse(content)
  if (!parsed.success) throw invalid(`Invalid page token, parsed value=${JSON.stringify(content).slice(0, 100)}`)
  const { offset, after } = parsed.data
  const [startMs, id, value] = after
  return { offset, after: { startMs, id, value: typeof value === 'string' ? Number(value) : value } }
}

/** The page token of a cursor. Base64 of JSON with MLflow's own field first. */
export function cursorToken({ offset, after }: RunCursor): string {
  const value = after?.value == null || Number.isFinite(after.value) ? after?.value : String(after.value)
  const fields = after ? `, "after": ${JSON.stringify([after.startMs, after.id, value])}` : ''
  return Buffer.from(`{"offset": ${offset}${fields}}`).toString('base64')
}
