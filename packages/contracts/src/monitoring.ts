import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { AnswerRecord, MirrorRecord } from './gateway.ts'
import { MonitoringPolicy } from './policy.ts'
import { LossName } from './rolloutPolicy.ts'
import { Id, Instant, Json, ModelVersionRef, Name } from './values.ts'

const tag = 'monitoring'
const OfEndpoint = z.object({ endpoint: Name })

// --- labels
/** A true value: a number, or the name of a class. */
const LabelValue = z.union([
  z.number(),
  z
    .string()
    .min(1)
    .max(500)
    .regex(/^[^\0]+$/, 'Text without NUL.'),
])
export const LabelInput = z.union([
  z.strictObject({
    entity: z.string().min(1).max(500),
    value: LabelValue,
    knownAt: Instant.optional().describe('When it became known, in event time; now unless given'),
  }),
  z.strictObject({
    prediction: Id,
    row: z.int().min(0).default(0).describe('Which row of the prediction; the first unless given'),
    value: LabelValue,
    knownAt: Instant.optional(),
  }),
])
export type LabelInput = z.infer<typeof LabelInput>

export const LabelsReply = z
  .object({
    /** Labels that are joined for the first time. */
    accepted: z.int(),
    /** Known before with another value: kept as history; evidence keeps the first. */
    corrected: z.int(),
    /** Known before with the same value. */
    repeated: z.int(),
    /** Prediction ids (and rows) that this endpoint never gave, or whose row has no entity and was not found. */
    unknown: z.array(z.string()),
  })
  .meta({ id: 'LabelsReply' })

export const LabelHistory = z
  .object({
    entity: z.string(),
    /** Oldest first; the first one is what evidence used. */
    values: z.array(z.object({ value: LabelValue, knownAt: Instant, recordedAt: Instant, by: z.string() })),
  })
  .meta({ id: 'LabelHistory' })

// --- predictions
/** A prediction as the log alone has it. */
export const LoggedPrediction = z
  .object({
    answer: AnswerRecord,
    /** The other version's prediction of the same request, where one was mirrored. */
    mirror: MirrorRecord.nullable(),
    /** Where its record lies while it is not in the archive yet; null then. */
    gateway: z.string().nullable(),
    segment: z.int().nullable(),
  })
  .meta({ id: 'LoggedPrediction' })
export type LoggedPrediction = z.infer<typeof LoggedPrediction>

export const Prediction = LoggedPrediction.extend({
  /** What came true, row by row; null where nothing is known. */
  labels: z.array(LabelValue.nullable()),
}).meta({ id: 'Prediction' })
export type Prediction = z.infer<typeof Prediction>

/** One row of a prediction, as the log has it: what was asked about a thing, what was answered, and what came true. */
export const PredictionRow = z
  .object({
    id: Id,
    /** Which row of the prediction. */
    row: z.int(),
    endpoint: Name,
    /** Arrival at the gateway. */
    at: Instant,
    eventTime: Instant,
    version: ModelVersionRef,
    runtime: z.enum(['onnx', 'python']),
    caller: z.string().nullable(),
    /** Business key of the thing; null where none was given. */
    entity: z.string().nullable(),
    /** Values by column; what the endpoint's policy masks is null, what it hashes reads `hmac:…`. */
    input: z.record(z.string(), Json),
    prediction: Json.nullable(),
    error: z.string().nullable(),
    milliseconds: z.number(),
    /** Milliseconds by stage of the answer; null for records of before stages were timed. */
    timings: z.record(z.string(), z.number()).nullable(),
    /** The value that is known by now; null where none is. */
    label: LabelValue.nullable(),
  })
  .meta({ id: 'PredictionRow' })
export type PredictionRow = z.infer<typeof PredictionRow>

/** Which rows of the log are meant. `from` and `to` are of event time, `to` is not included. */
export const PredictionFilter = z.object({
  from: Instant.optional(),
  to: Instant.optional(),
  version: z.coerce.number().int().min(1).optional().describe('Number of the version that answered'),
  caller: z.string().min(1).max(256).optional(),
  entity: z.string().min(1).max(500).optional(),
  outcome: z.enum(['answered', 'failed']).optional(),
  where: z
    .union([z.string(), z.array(z.string()).max(10)])
    .optional()
    .transform((given) => (given === undefined ? [] : [given].flat()))
    .describe(
      'Conditions as in `input.budget>=1000`, `input.genre=Drama`, `prediction<3`, `milliseconds>50`; operators = != < <= > >=; several must all hold',
    ),
})

// --- windows
export const WindowSummary = z
  .object({
    id: Id,
    endpoint: Name,
    from: Instant,
    to: Instant,
    /** `open`: still counting. `closed`: waits to be judged. `judged`: its checks are stored. `not_judged`: `reason` says why. */
    state: z.enum(['open', 'closed', 'judged', 'not_judged']),
    reason: z.string().nullable(),
    predictions: z.int(),
    entities: z.int(),
    errors: z.int(),
    /** Predictions that came after it closed: counted, not judged. */
    late: z.int(),
    checks: z.int(),
    alarms: z.int(),
    profile: Id.nullable(),
  })
  .meta({ id: 'Window' })
export type WindowSummary = z.infer<typeof WindowSummary>

export const CheckKind = z.enum(['distribution', 'missing', 'new_values', 'range', 'unit', 'prediction'])
export type CheckKind = z.infer<typeof CheckKind>

export const WindowCheck = z
  .object({
    kind: CheckKind,
    /** The column; "prediction" for the model's answers. */
    feature: z.string(),
    statistic: z.number(),
    pValue: z.number(),
    /** Smallest budget of the whole window at which it would alarm (Holm). */
    adjustedPValue: z.number(),
    /** Jensen–Shannon distance, difference of shares, or the unit factor's natural logarithm, as `effectName` says. */
    effect: z.number(),
    effectName: z.enum(['Jensen–Shannon distance', 'difference of shares', 'share outside', 'log of factor']),
    alarm: z.boolean(),
    sentence: z.string(),
  })
  .meta({ id: 'WindowCheck' })
export type WindowCheck = z.infer<typeof WindowCheck>

/** Counts of the window beside those of the reference, cell by cell. */
export const FeatureCounts = z.object({
  feature: z.string(),
  kind: z.enum(['numeric', 'category']),
  /** The window itself decides its value (the month of a monthly window): only missing values are judged. */
  followsCalendar: z.boolean(),
  cells: z.array(z.object({ name: z.string(), window: z.int(), reference: z.int() })),
  missing: z.object({ window: z.int(), reference: z.int() }),
  outside: z.int(),
})
export type FeatureCounts = z.infer<typeof FeatureCounts>

export const WindowDetail = z
  .object({ window: WindowSummary, checks: z.array(WindowCheck), features: z.array(FeatureCounts) })
  .meta({ id: 'WindowDetail' })

// --- faults
export const InputFault = z
  .object({
    id: Id,
    endpoint: Name,
    feature: z.string(),
    /** Values arrive multiplied by this: 0.001 when thousands are sent for units. */
    factor: z.number(),
    since: Instant,
    state: z.enum(['open', 'resolved']),
    /** First event time of good values again; null while open. */
    until: Instant.nullable(),
    resolution: z.string().nullable(),
    quarantined: z.int(),
    sentence: z.string(),
    window: Id,
    event: Id.nullable(),
  })
  .meta({ id: 'InputFault' })
export type InputFault = z.infer<typeof InputFault>

export const QuarantinedEntity = z
  .object({
    entity: z.string(),
    fault: Id,
    feature: z.string(),
    value: z.number().nullable(),
    prediction: Id,
    eventTime: Instant,
  })
  .meta({ id: 'QuarantinedEntity' })
export type QuarantinedEntity = z.infer<typeof QuarantinedEntity>

// --- health
export const Estimate = z.object({ mean: z.number(), lower: z.number(), upper: z.number(), n: z.int() })

export const PerformanceState = z
  .object({
    version: z.int(),
    /** `not_judged`: `sentence` says what is missing. */
    state: z.enum(['well', 'lost', 'not_judged']),
    labelled: z.int(),
    /** Natural logarithm of the evidence that loss rose; the alarm is at `logThreshold`. */
    logEvidence: z.number(),
    logThreshold: z.number(),
    lossBefore: z.number().nullable(),
    lossNow: z.number().nullable(),
    increase: z.object({ estimate: z.number(), lower: z.number(), upper: z.number() }).nullable(),
    /** Event time of the first labelled thing after the estimated change. */
    changedAt: Instant.nullable(),
    sentence: z.string(),
  })
  .meta({ id: 'PerformanceState' })
export type PerformanceState = z.infer<typeof PerformanceState>

export const EndpointHealth = z
  .object({
    endpoint: Name,
    model: z.string(),
    championVersion: z.int(),
    /** How far the endpoint's event time has come; null before its first prediction. */
    eventTime: Instant.nullable(),
    state: z.enum(['well', 'watch', 'harm', 'unknown']),
    sentence: z.string(),
    policy: MonitoringPolicy,
    reference: z
      .object({
        profile: Id,
        version: z.int(),
        rows: z.int(),
        holdoutRows: z.int(),
        adoptedAt: Instant,
        features: z.array(z.string()),
      })
      .nullable(),
    /** Oldest first. */
    windows: z.array(WindowSummary),
    /** Features × windows: the largest effect of the feature's checks and whether one of them was decided to be a change. */
    heatMap: z.array(
      z.object({
        feature: z.string(),
        window: Id,
        effect: z.number(),
        adjustedPValue: z.number(),
        alarm: z.boolean(),
        sentence: z.string(),
      }),
    ),
    predictionDrift: z.array(
      z.object({
        window: Id,
        effect: z.number(),
        adjustedPValue: z.number(),
        alarm: z.boolean(),
        sentence: z.string(),
      }),
    ),
    realisedLoss: z.object({
      loss: LossName,
      reference: Estimate.nullable(),
      points: z.array(
        Estimate.extend({ window: Id, from: Instant, to: Instant, version: z.int(), quarantined: z.int() }),
      ),
    }),
    performance: PerformanceState.nullable(),
    labels: z.object({
      /** Things predicted by the champion of their time, those with a label, those whose label is later than the policy allows. */
      entities: z.int(),
      labelled: z.int(),
      overdue: z.int(),
      medianDelayDays: z.number().nullable(),
      p90DelayDays: z.number().nullable(),
    }),
    faults: z.array(InputFault),
    quarantined: z.int(),
  })
  .meta({ id: 'EndpointHealth' })
export type EndpointHealth = z.infer<typeof EndpointHealth>

export const HealthSummary = z
  .object({
    endpoint: Name,
    state: EndpointHealth.shape.state,
    sentence: z.string(),
    eventTime: Instant.nullable(),
    windows: z.int(),
    alarmedWindows: z.int(),
    openFaults: z.int(),
  })
  .meta({ id: 'HealthSummary' })
export type HealthSummary = z.infer<typeof HealthSummary>

export const monitoring = {
  overview: endpoint({
    method: 'GET',
    path: '/api/v1/monitoring',
    tag,
    summary: 'State of every monitored endpoint, one line each',
    permission: 'monitoring.read',
    reply: z.object({ endpoints: z.array(HealthSummary) }),
  }),
  health: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint/health',
    tag,
    summary: 'Windows, drift, realised loss, labels, faults of an endpoint: all that its page shows',
    permission: 'monitoring.read',
    params: OfEndpoint,
    query: z.object({ windows: z.coerce.number().int().min(1).max(500).default(200).describe('How many, newest') }),
    reply: EndpointHealth,
  }),
  listWindows: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint/windows',
    tag,
    summary: 'Windows of an endpoint, newest first',
    permission: 'monitoring.read',
    params: OfEndpoint,
    query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    reply: z.object({ windows: z.array(WindowSummary) }),
  }),
  getWindow: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint/windows/:window',
    tag,
    summary: 'One window: every check with its numbers, and the counts beside the reference',
    permission: 'monitoring.read',
    params: OfEndpoint.extend({ window: Id }),
    reply: WindowDetail,
  }),
  putLabels: endpoint({
    method: 'POST',
    path: '/api/v1/endpoints/:endpoint/labels',
    tag,
    summary: 'True values, by business key or by prediction id; late, twice and corrected ones are welcome',
    permission: 'monitoring.write',
    params: OfEndpoint,
    body: z.object({ labels: z.array(LabelInput).min(1).max(10_000) }),
    reply: LabelsReply,
  }),
  getLabel: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint/labels/:entity',
    tag,
    summary: 'All values ever given for one thing',
    permission: 'monitoring.read',
    params: OfEndpoint.extend({ entity: z.string().min(1) }),
    reply: LabelHistory,
  }),
  listFaults: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint/faults',
    tag,
    summary: 'Input faults, newest first',
    permission: 'monitoring.read',
    params: OfEndpoint,
    reply: z.object({ faults: z.array(InputFault) }),
  }),
  resolveFault: endpoint({
    method: 'POST',
    path: '/api/v1/endpoints/:endpoint/faults/:fault/resolution',
    tag,
    summary: 'Says that the sender was mended; what was quarantined stays so',
    permission: 'monitoring.write',
    params: OfEndpoint.extend({ fault: Id }),
    body: z.object({
      reason: z.string().min(1).max(1000),
      until: Instant.optional().describe("First good event time; the endpoint's event time unless given"),
    }),
    reply: InputFault,
  }),
  listQuarantine: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint/quarantine',
    tag,
    summary: 'Things whose inputs were faulty: excluded from performance evidence and from training',
    permission: 'monitoring.read',
    params: OfEndpoint,
    query: z.object({ limit: z.coerce.number().int().min(1).max(10_000).default(1000), after: z.string().optional() }),
    reply: z.object({ entities: z.array(QuarantinedEntity), total: z.int() }),
  }),
  listPredictions: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint/predictions',
    tag,
    summary:
      'Rows of the prediction log, newest first, with their labels; /predictions/export gives the same as Parquet',
    permission: 'monitoring.read',
    params: OfEndpoint,
    query: PredictionFilter.extend({
      limit: z.coerce.number().int().min(1).max(1000).default(50),
      cursor: z
        .string()
        .regex(/^[0-9a-f-]{36}:\d+$/, 'A cursor is what `nextCursor` of an earlier page said.')
        .optional(),
    }),
    reply: z.object({
      predictions: z.array(PredictionRow),
      nextCursor: z.string().nullable().describe('null: these were the last'),
    }),
  }),
  getPrediction: endpoint({
    method: 'GET',
    path: '/api/v1/predictions/:id',
    tag,
    summary: 'One prediction with its inputs, as the log has it',
    permission: 'monitoring.read',
    params: z.object({ id: Id }),
    reply: Prediction,
  }),
} as const
