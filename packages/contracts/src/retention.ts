import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { SweepReport } from './platform.ts'
import { Instant } from './values.ts'

const tag = 'retention'

/** What a permanent deletion did, or with `dryRun` would do: numbers of things, files and their bytes. */
export const PurgeReport = z
  .object({
    dryRun: z.boolean(),
    until: Instant.describe('What was deleted until then is meant'),
    complete: z.boolean().describe('False when the time was over before all was done: ask again'),
    experiments: z.int(),
    runs: z.int(),
    loggedModels: z.int(),
    versions: z.int(),
    models: z.int(),
    files: z.int(),
    bytes: z.int().describe('Of these files; what others share stays on the disk'),
    keptCount: z.int().describe('Runs and logged models that stay because model versions come from them'),
    kept: z
      .array(z.object({ kind: z.enum(['run', 'loggedModel']), id: z.string(), versions: z.array(z.string()) }))
      .describe('The first 100 of them'),
    sweep: SweepReport.nullable(),
  })
  .meta({ id: 'PurgeReport' })
export type PurgeReport = z.infer<typeof PurgeReport>

const Days = z.int().min(1).max(36_500).nullable().describe('null: what is deleted is kept for ever')
export const RetentionPolicy = z
  .object({ olderThanDays: Days, lastRunAt: Instant.nullable() })
  .meta({ id: 'RetentionPolicy' })
export type RetentionPolicy = z.infer<typeof RetentionPolicy>

const Dropped = z.object({ runs: z.int(), files: z.int(), bytes: z.int() })

export const retention = {
  purge: endpoint({
    method: 'POST',
    path: '/api/v1/retention/purge',
    tag,
    summary: 'Delete for good what was deleted long enough ago, then sweep the content that nothing names any more',
    permission: 'experiments.delete',
    body: z.object({
      olderThanDays: z.number().min(0).max(36_500).describe('Days since the deletion, at least'),
      dryRun: z.boolean().default(false).describe('Count only'),
      experiment: z
        .string()
        .regex(/^\d{1,18}$/)
        .optional()
        .describe('Only this experiment, its runs and its logged models'),
    }),
    reply: PurgeReport,
  }),
  getPolicy: endpoint({
    method: 'GET',
    path: '/api/v1/retention/policy',
    tag,
    summary: 'After how many days what is deleted goes for good',
    permission: 'experiments.read',
    reply: RetentionPolicy,
  }),
  setPolicy: endpoint({
    method: 'PUT',
    path: '/api/v1/retention/policy',
    tag,
    summary: 'Set after how many days what is deleted goes for good, once a day; null: never',
    permission: 'experiments.delete',
    body: z.object({ olderThanDays: Days }),
    reply: RetentionPolicy,
  }),
  deleteRun: endpoint({
    method: 'DELETE',
    path: '/api/v1/runs/:run',
    tag,
    summary: 'Delete a run for good that was deleted before; refused while a model version comes from it',
    permission: 'experiments.delete',
    params: z.object({ run: z.string().min(1).max(256) }),
    reply: Dropped,
  }),
  deleteExperiment: endpoint({
    method: 'DELETE',
    path: '/api/v1/experiments/:experiment',
    tag,
    summary:
      'Delete an experiment for good that was deleted before, with all its runs, and free its name; refused while a model version comes from it',
    permission: 'experiments.delete',
    params: z.object({ experiment: z.string().regex(/^\d{1,18}$/) }),
    reply: Dropped,
  }),
} as const
