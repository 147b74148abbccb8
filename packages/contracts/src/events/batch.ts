import { z } from 'zod'
import { Id, ModelVersionRef, Name } from '../values.ts'
import { defineEvent } from './define.ts'

export const batchPredicted = defineEvent(
  'batch.predicted',
  z.object({
    batch: Id,
    modelVersion: ModelVersionRef,
    input: z.string(),
    dataset: Name,
    version: z.int(),
    rows: z.int(),
    seconds: z.number(),
  }),
  (p) => `dataset:${p.dataset}/${p.version}`,
  (p) =>
    `${p.modelVersion} predicted ${p.rows} rows of ${p.input} in ${p.seconds.toFixed(0)} s: version ${p.version} of dataset ${p.dataset}`,
)
export const batchFailed = defineEvent(
  'batch.failed',
  z.object({ batch: Id, modelVersion: ModelVersionRef, input: z.string(), reason: z.string() }),
  (p) => `batch:${p.batch}`,
  (p) => `Batch prediction of ${p.input} by ${p.modelVersion} failed: ${p.reason}`,
)
export const batchCancelled = defineEvent(
  'batch.cancelled',
  z.object({ batch: Id, modelVersion: ModelVersionRef, input: z.string() }),
  (p) => `batch:${p.batch}`,
  (p) => `Batch prediction of ${p.input} by ${p.modelVersion} was cancelled`,
)

/** Batch predictions. */
export const BATCH_EVENTS = [batchPredicted, batchFailed, batchCancelled] as const
