import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Instant } from './values.ts'

const tag = 'experiments'

/** A metric on the wire. JSON has no NaN: null stands for a value that was logged and is not a number. */
const MetricValue = z.number().nullable()

const RunStatus = z.enum(['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'])
const Lifecycle = z.enum(['active', 'deleted'])
const Tags = z.record(z.string(), z.string())

export const Experiment = z
  .object({
    id: z.string(),
    name: z.string(),
    lifecycle: Lifecycle,
    tags: Tags,
    /** Runs that are not deleted. */
    runs: z.int(),
    lastRunAt: Instant.nullable(),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Experiment' })
export type Experiment = z.infer<typeof Experiment>

/** What a list shows of a run: its latest metrics, its parameters, its tags. */
export const RunSummary = z
  .object({
    id: z.string(),
    name: z.string(),
    experiment: z.object({ id: z.string(), name: z.string() }),
    status: RunStatus,
    lifecycle: Lifecycle,
    user: z.string(),
    startedAt: Instant,
    endedAt: Instant.nullable(),
    parameters: z.record(z.string(), z.string()),
    metrics: z.record(z.string(), MetricValue),
    tags: Tags,
  })
  .meta({ id: 'RunSummary' })
export type RunSummary = z.infer<typeof RunSummary>

/** Where a run or a version came from, read from the run's `tidemark.*` tags; null where it was not recorded. */
export const Origin = z
  .object({
    pipelineRun: z.string().nullable(),
    dataset: z.string().nullable().describe('Dataset version, as in "films/3"'),
    gitCommit: z.string().nullable(),
    gitPatch: z.string().nullable().describe('Digest of the uncommitted patch; null when the folder was clean'),
    lock: z.string().nullable().describe('Hash of the environment lock'),
    seed: z.string().nullable(),
  })
  .meta({ id: 'Origin' })
export type Origin = z.infer<typeof Origin>

const LatestMetric = z.object({
  key: z.string(),
  value: MetricValue,
  step: z.number(),
  at: Instant,
})

export const Run = RunSummary.omit({ parameters: true, metrics: true })
  .extend({
    parameters: z.array(z.object({ key: z.string(), value: z.string() })),
    metrics: z.array(LatestMetric),
    inputs: z.array(
      z.object({
        dataset: z.string(),
        digest: z.string(),
        sourceType: z.string(),
        source: z.string(),
        context: z.string().nullable(),
      }),
    ),
    models: z.array(z.object({ id: z.string(), name: z.string(), role: z.enum(['input', 'output']), step: z.int() })),
    versions: z.array(z.object({ model: z.string(), version: z.int() })),
    origin: Origin,
  })
  .meta({ id: 'Run' })
export type Run = z.infer<typeof Run>

/** A file below a run, a logged model or a model version. */
export const ArtifactFile = z
  .object({ path: z.string(), digest: z.string(), bytes: z.int() })
  .meta({ id: 'ArtifactFile' })

/** One drawn point: a single value, or the least and greatest of the `count` values that it stands for. */
export const MetricPoint = z.object({
  step: z.number(),
  at: Instant,
  value: MetricValue,
  min: MetricValue,
  max: MetricValue,
  count: z.int(),
})
export type MetricPoint = z.infer<typeof MetricPoint>

const RunId = z.object({ run: z.string().regex(/^[0-9a-f]{32}$/, 'A run id is 32 hex digits.') })

const RunQuestion = z.object({
  experiment: z.string().optional().describe('Experiment id; all experiments unless said'),
  filter: z
    .string()
    .max(10_000)
    .default('')
    .describe('MLflow\'s filter grammar, as in: metrics.rmse < 1.2 and params.seed = "7"'),
  lifecycle: z.enum(['active', 'deleted', 'all']).default('active'),
})

export const experiments = {
  listExperiments: endpoint({
    method: 'GET',
    path: '/api/v1/experiments',
    tag,
    summary: 'Experiments, the one with the newest run first',
    permission: 'experiments.read',
    query: z.object({ lifecycle: z.enum(['active', 'deleted', 'all']).default('active') }),
    reply: z.object({ experiments: z.array(Experiment) }),
  }),
  searchRuns: endpoint({
    method: 'GET',
    path: '/api/v1/runs',
    tag,
    summary: 'Runs of one experiment or of all: filtered, sorted and paged by the server',
    permission: 'experiments.read',
    query: RunQuestion.extend({
      orderBy: z
        .string()
        .max(2_000)
        .default('start_time DESC')
        .describe('Keys with commas between, as in: metrics.rmse ASC, start_time DESC'),
      columns: z
        .string()
        .max(10_000)
        .optional()
        .describe('The only values to answer with, commas between, as in: metrics.rmse,params.seed; all unless said'),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      cursor: z.string().optional(),
    }),
    reply: z.object({
      runs: z.array(RunSummary),
      /** Runs that match, over all pages. */
      total: z.int(),
      nextCursor: z.string().nullable(),
    }),
  }),
  countRuns: endpoint({
    method: 'GET',
    path: '/api/v1/run-count',
    tag,
    summary: 'How many runs match a filter, without reading them',
    permission: 'experiments.read',
    query: RunQuestion,
    reply: z.object({ total: z.int() }),
  }),
  getRun: endpoint({
    method: 'GET',
    path: '/api/v1/runs/:run',
    tag,
    summary: 'One run with parameters, latest metrics, tags, inputs, models and versions made from it',
    permission: 'experiments.read',
    params: RunId,
    reply: Run,
  }),
  metricHistory: endpoint({
    method: 'GET',
    path: '/api/v1/runs/:run/metric-history',
    tag,
    summary: 'The course of a metric; above `points` values as least and greatest of equal shares',
    permission: 'experiments.read',
    params: RunId,
    query: z.object({ key: z.string().min(1), points: z.coerce.number().int().min(10).max(10_000).default(2_000) }),
    reply: z.object({ key: z.string(), total: z.int(), points: z.array(MetricPoint) }),
  }),
  listRunFiles: endpoint({
    method: 'GET',
    path: '/api/v1/runs/:run/files',
    tag,
    summary: 'All artifact files of a run; download one at /get-artifact?run_uuid=RUN&path=PATH',
    permission: 'experiments.read',
    params: RunId,
    reply: z.object({ files: z.array(ArtifactFile) }),
  }),
} as const
