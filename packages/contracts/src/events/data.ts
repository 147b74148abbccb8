import { z } from 'zod'
import { Digest, Name } from '../values.ts'
import { defineEvent } from './define.ts'

export const datasetVersionCreated = defineEvent(
  'data.version_created',
  z.object({
    dataset: Name,
    version: z.int(),
    digest: Digest,
    rows: z.int(),
    newRows: z.int(),
    newBytes: z.int(),
    quarantinedRows: z.int(),
  }),
  (p) => `dataset:${p.dataset}/${p.version}`,
  (p) =>
    `Version ${p.version} of dataset ${p.dataset}: ${p.rows} rows, ${p.newRows} of them new (${p.newBytes} bytes stored)`,
)
export const rowsQuarantined = defineEvent(
  'data.rows_quarantined',
  z.object({ dataset: Name, version: z.int(), rule: z.string(), rows: z.int(), reason: z.string() }),
  (p) => `dataset:${p.dataset}/${p.version}`,
  (p) => `${p.rows} rows of ${p.dataset} quarantined by rule "${p.rule}": ${p.reason}`,
)

/** Versions of datasets, and rows that were kept out of one. */
export const DATA_EVENTS = [datasetVersionCreated, rowsQuarantined] as const
