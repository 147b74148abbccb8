import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Id, Instant, Json, ModelVersionRef, Name } from './values.ts'

const OfEndpoint = z.object({ endpoint: Name })

/** Spans of arrival time that traffic is asked for, and the length of one point in each, seconds. */
export const TRAFFIC_STEPS = { '1h': 60, '6h': 300, '24h': 900, '7d': 7200, '14d': 14_400 } as const
export const TrafficRange = z.enum(['1h', '6h', '24h', '7d', '14d'])
export type TrafficRange = z.infer<typeof TrafficRange>

/** Where the time of a request goes, in its order; `total` is their sum. */
export const STAGES = ['parse', 'validate', 'queue', 'infer', 'log', 'total'] as const
export const Stage = z.enum(STAGES)
export type Stage = z.infer<typeof Stage>

/** Milliseconds; from counts in bins whose centre is at most 9 % off. */
export const Quantiles = z.object({ p50: z.number(), p95: z.number(), p99: z.number() })
export type Quantiles = z.infer<typeof Quantiles>
/** Stages without a measurement are absent: records of before stages were timed have `infer` and `total` alone. */
const StageQuantiles = z.partialRecord(Stage, Quantiles)

export const TrafficPoint = z.object({
  at: Instant.describe('Begin of the step, by arrival at the gateway.'),
  requests: z.int(),
  rows: z.int(),
  /** Answers in which the version failed; what callers did wrong never reaches it. */
  errors: z.int(),
  stages: StageQuantiles,
})
export type TrafficPoint = z.infer<typeof TrafficPoint>

export const Traffic = z
  .object({
    endpoint: Name,
    from: Instant,
    to: Instant,
    stepSeconds: z.int(),
    requests: z.int(),
    rows: z.int(),
    errors: z.int(),
    stages: StageQuantiles,
    /** Oldest first, without gaps: a step without a request has zeros. */
    points: z.array(TrafficPoint),
    /** The versions that answered, the busiest first. */
    versions: z.array(
      z.object({
        version: ModelVersionRef,
        requests: z.int(),
        errors: z.int(),
        total: Quantiles.nullable(),
        lastAt: Instant,
      }),
    ),
  })
  .meta({ id: 'Traffic' })
export type Traffic = z.infer<typeof Traffic>

/** What a header can carry as it is. */
const CallerText = z
  .string()
  .regex(
    /^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/,
    'Use at most 256 ASCII characters, none of them blank at an end.',
  )

/** A request by hand, as the gateway answered it. */
export const HandAnswer = z
  .object({
    status: z.int().describe("The gateway's HTTP status"),
    body: Json,
    prediction: Id.nullable(),
    version: ModelVersionRef.nullable(),
    /** Seen from the server, the way to the gateway included. */
    milliseconds: z.number(),
    /** Milliseconds by stage, from the gateway's Server-Timing. */
    stages: z.partialRecord(Stage, z.number()),
  })
  .meta({ id: 'HandAnswer' })
export type HandAnswer = z.infer<typeof HandAnswer>

export const traffic = {
  getTraffic: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint/traffic',
    tag: 'monitoring',
    summary: 'Requests, errors and where their time went, step by step, folded from the prediction log',
    permission: 'monitoring.read',
    params: OfEndpoint,
    query: z.object({
      range: TrafficRange.default('1h'),
      to: Instant.optional().describe('End of the span; now unless given'),
    }),
    reply: Traffic,
  }),
  ask: endpoint({
    method: 'POST',
    path: '/api/v1/endpoints/:endpoint/ask',
    tag: 'deployments',
    summary: 'Ask the endpoint by hand, through the server: a real request, which is logged and counts',
    permission: 'deployments.write',
    params: OfEndpoint,
    body: z.object({
      input: z.record(z.string(), Json).describe("Body of MLflow's scoring protocol, as in dataframe_records"),
      caller: CallerText.optional().describe('Routes as this caller'),
      entity: z.string().min(1).max(256).optional().describe('Business key of the thing that is asked about'),
    }),
    reply: HandAnswer,
  }),
} as const
