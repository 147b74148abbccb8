import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { LossName } from './rolloutPolicy.ts'
import { Id, Instant, Json, ModelVersionRef, Name } from './values.ts'

const tag = 'replays'

/** Why a logged row was not asked again. */
export const ReplaySkip = z.enum(['redacted', 'whole', 'erased'])
export type ReplaySkip = z.infer<typeof ReplaySkip>

/** How a version had no answer: it failed, or its signature refuses what the endpoint's callers send. */
export const ReplayFailure = z.enum(['failed', 'refused'])
export type ReplayFailure = z.infer<typeof ReplayFailure>

const Share = z.object({ things: z.int(), flipped: z.int(), share: z.number(), lower: z.number(), upper: z.number() })

/** `apart`: it surely differs more than the rest by over the margin. `worse`: not that, but on labels it is surely worse by over the margin of losses. */
export const ReplaySlice = Share.extend({
  column: z.string(),
  /** null: the value is missing. */
  value: z.string().nullable(),
  /** The same share over all other things. */
  elsewhere: z.number(),
  /** Mean loss of the candidate minus that of the logged answers, on the slice's labelled things. */
  loss: z.object({ things: z.int(), increase: z.number(), lower: z.number(), upper: z.number() }).nullable(),
  verdict: z.enum(['apart', 'worse', 'not_apart', 'not_judged']),
  sentence: z.string(),
}).meta({ id: 'ReplaySlice' })
export type ReplaySlice = z.infer<typeof ReplaySlice>

const Quantiles = z.object({ p50: z.number(), p90: z.number(), p95: z.number(), p99: z.number() })

/** What a candidate said to logged requests, beside what was answered then. Shares are of things, each by its first row. */
export const ReplayReport = z
  .object({
    summary: z.string().describe('The whole in a few sentences'),
    logged: z.object({
      requests: z.int(),
      rows: z.int(),
      from: Instant.nullable(),
      to: Instant.nullable(),
      /** Rows that each version answered. */
      versions: z.record(ModelVersionRef, z.int()),
    }),
    /** Rows that could not be asked again, and why. */
    skipped: z.array(z.object({ reason: ReplaySkip, rows: z.int(), sentence: z.string() })),
    answers: z.object({
      /** Rows that were answered then and asked again. */
      rows: z.int(),
      /** Those whose answer is the same to the last bit. */
      equal: z.int(),
      identical: z.boolean().describe('Every answer is the same to the last bit'),
      /** Rows where only the candidate has no answer. */
      failed: z.int(),
      refused: z.int(),
      /** What it said first when it had none. */
      problem: z.string().nullable(),
      /** Rows that failed then and that the candidate answers. */
      mended: z.int(),
    }),
    disagreement: Share.extend({
      /** Numbers that differ by no more count as the same decision. */
      tolerance: z.number(),
      rows: z.int().describe('Rows whose decision would be another'),
    }),
    /** Of numbers the candidate's minus the logged one; of anything else which answer became which. */
    differences: z.object({
      numbers: z
        .object({
          rows: z.int(),
          mean: z.number(),
          quantiles: z.array(z.object({ quantile: z.number(), value: z.number() })),
        })
        .nullable(),
      labels: z.array(z.object({ logged: z.string(), candidate: z.string(), rows: z.int() })),
    }),
    /** All intervals and verdicts of slices together are wrong with probability at most `alpha`. */
    slices: z.object({ alpha: z.number(), margin: z.number(), minThings: z.int(), all: z.array(ReplaySlice) }),
    /** Milliseconds in the model, of requests asked alone; null: the log has none to compare with. */
    latency: z.object({ requests: z.int(), logged: Quantiles, candidate: Quantiles }).nullable(),
    /** Mean loss of what was answered minus the candidate's, over things whose label is known; null without two of them. */
    lift: z
      .object({
        loss: z.union([LossName, z.literal('wrong_label')]),
        things: z.int(),
        logged: z.number(),
        candidate: z.number(),
        lift: z.number(),
        lower: z.number(),
        upper: z.number(),
        alpha: z.number(),
      })
      .nullable(),
  })
  .meta({ id: 'ReplayReport' })
export type ReplayReport = z.infer<typeof ReplayReport>

/** One decision that would be another, traceable by its prediction's id. */
export const ReplayFlip = z
  .object({
    rank: z.int().describe('1 is the worst'),
    prediction: Id,
    row: z.int(),
    eventTime: Instant,
    version: ModelVersionRef.describe('Which version answered then'),
    logged: Json,
    candidate: Json.describe('null with a problem: it has no answer'),
    problem: z.string().nullable(),
    difference: z.number().nullable(),
    label: z.union([z.number(), z.string()]).nullable(),
    lossIncrease: z.number().nullable(),
  })
  .meta({ id: 'ReplayFlip' })
export type ReplayFlip = z.infer<typeof ReplayFlip>

export const ReplayRequest = z.strictObject({
  version: z.int().min(1),
  from: Instant.optional().describe('Event time of the first request; the whole log unless said'),
  to: Instant.optional().describe('Event time that is not included any more'),
  tolerance: z
    .number()
    .min(0)
    .optional()
    .describe("Numbers that differ by no more are the same decision; the policy's unless said, else 0"),
  slices: z
    .array(z.string().min(1))
    .max(20)
    .optional()
    .describe("Columns to slice by, besides those of texts and of true and false; the policy's unless said"),
})
export type ReplayRequest = z.infer<typeof ReplayRequest>

export const ReplayView = z
  .object({
    id: Id,
    endpoint: Name,
    model: z.string(),
    version: z.int(),
    from: Instant.nullable(),
    to: Instant,
    state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
    /** Why it failed; null otherwise. */
    problem: z.string().nullable(),
    rows: z.int().nullable().describe('Logged rows; null before they were counted'),
    rowsDone: z.int(),
    /** The evaluation whose gate asked for it; null: somebody did. */
    evaluation: Id.nullable(),
    report: ReplayReport.nullable(),
    requestedAt: Instant,
    startedAt: Instant.nullable(),
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'Replay' })
export type ReplayView = z.infer<typeof ReplayView>

const One = z.object({ id: Id })

export const replays = {
  start: endpoint({
    method: 'POST',
    path: '/api/v1/endpoints/:endpoint/replays',
    tag,
    summary: "Ask a version of an endpoint's model what the endpoint was asked, and compare the answers",
    permission: 'evaluation.write',
    status: 202,
    params: z.object({ endpoint: Name }),
    body: ReplayRequest,
    reply: ReplayView,
  }),
  list: endpoint({
    method: 'GET',
    path: '/api/v1/replays',
    tag,
    summary: 'Replays, newest first',
    permission: 'evaluation.read',
    query: z.object({
      endpoint: Name.optional(),
      model: z.string().optional(),
      version: z.coerce.number().int().min(1).optional(),
      limit: z.coerce.number().int().min(1).max(500).default(50),
    }),
    reply: z.object({ replays: z.array(ReplayView) }),
  }),
  get: endpoint({
    method: 'GET',
    path: '/api/v1/replays/:id',
    tag,
    summary: 'One replay: how far it is, and its report',
    permission: 'evaluation.read',
    params: One,
    reply: ReplayView,
  }),
  flips: endpoint({
    method: 'GET',
    path: '/api/v1/replays/:id/flips',
    tag,
    summary: 'Decisions that would be others, the worst first; at most the 1,000 worst are kept',
    permission: 'evaluation.read',
    params: One,
    query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    reply: z.object({ flips: z.array(ReplayFlip) }),
  }),
  cancel: endpoint({
    method: 'POST',
    path: '/api/v1/replays/:id/cancel',
    tag,
    summary: 'Ends a replay; it has no report then',
    permission: 'evaluation.write',
    params: One,
    reply: ReplayView,
  }),
} as const
