import { z } from 'zod'
import { LossName, RolloutPolicy } from './rolloutPolicy.ts'
import { Name } from './values.ts'

/** What a candidate's answers to logged requests may differ by. The intervals' level is the gates' own. */
export const ReplayBudget = z.strictObject({
  /** Event time back from the endpoint's latest request. */
  days: z.number().gt(0).max(3650).default(30),
  /** Numbers that differ by no more count as the same decision. */
  tolerance: z.number().min(0).default(0),
  /** Largest allowed share of things whose decision would be another, in percent. */
  maxDisagreementPercent: z.number().min(0).max(100),
  /** Most decisions that may be others, in rows; null: as many as the share allows. */
  maxFlips: z.int().min(0).nullable().default(null),
  /** A slice fails that surely differs by so many points of percent more than the rest, or is worse than the margin of `gates.slices`. */
  sliceMarginPercent: z.number().min(0).max(100).default(5),
})
export type ReplayBudget = z.infer<typeof ReplayBudget>

/** What a candidate must show before it may be approved. Losses are in the units of `loss`. */
export const GatePolicy = z.strictObject({
  loss: LossName.default('squared_error'),
  /** One-sided level of the paired test against the champion. */
  alpha: z.number().gt(0).lt(0.5).default(0.05),
  slices: z
    .strictObject({
      columns: z.array(z.string()).default([]),
      /** Slices with fewer rows are shown and not judged. */
      minRows: z.int().min(2).default(30),
      /** A slice fails when the lower bound of its loss increase exceeds this. */
      margin: z.number().min(0).default(0.1),
    })
    .prefault({}),
  robustness: z
    .strictObject({
      /** Largest allowed mean loss increase under noisy, missing and unknown inputs. */
      margin: z.number().min(0).default(0.5),
      /** Noise on numeric inputs, as a share of the column's standard deviation. */
      noise: z.number().min(0).default(0.05),
    })
    .prefault({}),
  /** Logged requests are asked again before approval; null: they are not. */
  replay: ReplayBudget.nullable().default(null),
})
export type GatePolicy = z.infer<typeof GatePolicy>

export const MonitoringPolicy = z.strictObject({
  window: z.enum(['day', 'week', 'month', 'quarter']).default('month'),
  /** A window closes when event time is this far past its end. */
  graceDays: z.number().min(0).default(1),
  /** False-alarm budget of all checks of one window together. */
  alpha: z.number().gt(0).lt(0.5).default(0.05),
  /** Fewer things than this in a window are shown and not judged. */
  minEntities: z.int().min(2).default(8),
  loss: LossName.default('absolute_error'),
  /** How late labels may be, for the page that says what is still missing. */
  labelDelayDays: z.number().min(0).default(30),
})
export type MonitoringPolicy = z.infer<typeof MonitoringPolicy>

/** When retraining pays. Money is in whatever unit the owner chooses, the same in all three. */
export const AutomationPolicy = z.strictObject({
  pipeline: Name,
  /** Parameters of the run, besides `asOf`, which the platform sets. */
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  maxTrainings: z.int().min(0).default(3),
  /** What one training and its rollout cost. */
  costPerTraining: z.number().min(0),
  /** What one unit of mean loss costs per labelled thing. */
  costPerLossUnit: z.number().min(0),
  /** How long a new model is expected to serve. */
  horizonDays: z.number().gt(0).default(365),
  /** Share of a lost performance that a retraining wins back, before any was seen; updated by each retraining's outcome. */
  expectedRecovery: z.number().min(0).max(1).default(0.5),
  /** Event time between two trainings. */
  minDaysBetween: z.number().min(0).default(180),
})
export type AutomationPolicy = z.infer<typeof AutomationPolicy>

/** How a value is written that the log must not show: `mask` keeps nothing of it, `hash` a keyed hash by which equal values stay equal. */
export const Redaction = z.enum(['mask', 'hash'])
export type Redaction = z.infer<typeof Redaction>

/** What the prediction log keeps of an endpoint's predictions, how long, and what happens when it cannot be written. */
export const LoggingPolicy = z.strictObject({
  /** Input columns that never reach the log as they are. Monitoring does not watch them: it has nothing to compare. */
  sensitive: z.record(z.string(), Redaction).default({}),
  /** The caller's name; a hashed one still counts as one caller, and is still found when its data is to be erased. */
  caller: z.enum(['plain', 'hash', 'mask']).default('plain'),
  /** Days after its arrival for which a prediction is kept; null: until it is erased. */
  retentionDays: z.int().min(1).max(36_500).nullable().default(null),
  /** `refuse`: without a record there is no answer. `serve_unlogged`: there is, and it is counted, marked and reported. */
  unwritable: z.enum(['refuse', 'serve_unlogged']).default('refuse'),
})
export type LoggingPolicy = z.infer<typeof LoggingPolicy>

/** What a version that runs in Python may take. */
export const WorkerPolicy = z.strictObject({
  /** Processes for each version, started as requests wait. */
  processes: z.int().min(1).max(64).default(2),
  /** Private memory of one process. */
  memoryMegabytes: z.int().min(256).max(1_048_576).default(4096),
  /** A call that takes longer ends its process, and is answered by 504. */
  callSeconds: z.number().min(0.1).max(3600).default(60),
  /** Rows of however many callers that one call may get. 1: callers are never asked for together. */
  batchRows: z.int().min(1).max(100_000).default(1000),
  /** Without a request for so long the processes end; the next request starts them again. */
  idleSeconds: z.number().min(1).default(900),
})
export type WorkerPolicy = z.infer<typeof WorkerPolicy>

/** How much an endpoint takes on at once; what is beyond is refused at once, so that what was taken is answered in time. */
export const LimitsPolicy = z.strictObject({
  bodyBytes: z
    .int()
    .min(1)
    .max(64 * 1024 * 1024)
    .default(16 * 1024 * 1024),
  rows: z.int().min(1).max(100_000).default(10_000),
  /** Requests that are with the model at the same time; further ones queue. */
  concurrency: z.int().min(1).max(10_000).default(256),
  /** Requests that may wait for their turn; the next one is told to come again. */
  queue: z.int().min(0).max(100_000).default(1024),
  /** Time after which a request is given up, from its arrival. A caller may ask for less. */
  timeoutSeconds: z.number().gt(0).max(3600).default(60),
})
export type LimitsPolicy = z.infer<typeof LimitsPolicy>

/** Which answers of a converted model are asked of Python again while it serves: a mismatch sends the version to Python. */
export const RecheckPolicy = z.strictObject({
  sharePercent: z.number().min(0).max(100).default(1),
  /** With little traffic at least so many, spread over the hour. */
  minPerHour: z.int().min(0).max(3600).default(6),
})
export type RecheckPolicy = z.infer<typeof RecheckPolicy>

/** Everything that an endpoint's owner declares; the example's `endpoint.yaml`. */
export const EndpointPolicy = z.strictObject({
  gates: GatePolicy.prefault({}),
  approval: z.enum(['automatic', 'person']).default('person'),
  rollout: RolloutPolicy.prefault({}),
  monitoring: MonitoringPolicy.prefault({}),
  automation: AutomationPolicy.nullable().default(null),
  logging: LoggingPolicy.prefault({}),
  workers: WorkerPolicy.prefault({}),
  limits: LimitsPolicy.prefault({}),
  recheck: RecheckPolicy.prefault({}),
})
export type EndpointPolicy = z.infer<typeof EndpointPolicy>
