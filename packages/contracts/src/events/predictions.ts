import { z } from 'zod'
import { Id, Name } from '../values.ts'
import { defineEvent } from './define.ts'

export const answersUnlogged = defineEvent(
  'deployments.answers_unlogged',
  z.object({ endpoint: Name, gateway: z.string(), answers: z.int(), reason: z.string() }),
  (p) => `endpoint:${p.endpoint}`,
  (p) =>
    `${p.answers} answers of ${p.endpoint} left without a record, because the prediction log could not be written (${p.reason}); its policy is to serve unlogged`,
)

export const predictionsErased = defineEvent(
  'monitoring.predictions_erased',
  z.object({
    erasure: Id,
    endpoint: Name.nullable(),
    kind: z.enum(['entity', 'caller']),
    predictions: z.int(),
    rows: z.int(),
    stored: z.int(),
  }),
  (p) => `erasure:${p.erasure}`,
  (p) =>
    `What was known of one ${p.kind === 'entity' ? 'thing' : 'caller'}${p.endpoint ? ` at ${p.endpoint}` : ''} was erased: ${p.predictions} predictions with ${p.rows} rows of the log, ${p.stored} stored rows`,
)

/** The prediction log. */
export const PREDICTIONS_EVENTS = [answersUnlogged, predictionsErased] as const
