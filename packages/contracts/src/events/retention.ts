import { z } from 'zod'
import { defineEvent } from './define.ts'

const DELETED = {
  experiment: 'experiments',
  run: 'runs',
  logged_model: 'logged models',
  model_version: 'model versions',
  registered_model: 'registered models',
} as const
export const purgedForGood = defineEvent(
  'retention.purged',
  z.object({
    kind: z.enum(['experiment', 'run', 'logged_model', 'model_version', 'registered_model']),
    ids: z.array(z.string()),
    files: z.int(),
    bytes: z.int(),
  }),
  (p) => `retention:${p.kind}`,
  (p) => `Deleted for good: ${p.ids.length} ${DELETED[p.kind]} with ${p.files} files (${p.bytes} bytes)`,
)
export const retentionPolicySet = defineEvent(
  'retention.policy_set',
  z.object({ olderThanDays: z.int().nullable() }),
  () => 'retention:policy',
  (p) =>
    p.olderThanDays === null
      ? 'What is deleted is kept for ever'
      : `What was deleted ${p.olderThanDays} days ago is deleted for good, once a day`,
)

/** Deletion for good. */
export const RETENTION_EVENTS = [purgedForGood, retentionPolicySet] as const
