import { z } from 'zod'
import { LimitsPolicy, LoggingPolicy, RecheckPolicy, Redaction, WorkerPolicy } from './policy.ts'
import { Exposure, RoutingRule } from './rolloutPolicy.ts'
import { AnswerKind } from './runtimes.ts'
import { Digest, Id, Instant, Json, type JsonValue, ModelVersionRef, Name } from './values.ts'

/** A column of a model's input as the caller sends it. `json`: lists, records and whatever else a cell may hold in MLflow's nested types. */
export const InputColumn = z.object({
  name: z.string(),
  type: z.enum(['double', 'long', 'integer', 'float', 'string', 'boolean', 'json']),
  required: z.boolean(),
})
export type InputColumn = z.infer<typeof InputColumn>

/** A tensor of a model's signature. */
export const InputTensor = z.object({
  /** "" for the tensor of a model that has one without a name. */
  name: z.string(),
  /** numpy's name of the type, as in `float32`, `int64`, `bool`, `str`. */
  dtype: z.string(),
  /** The first dimension counts rows; -1 is any size. */
  shape: z.array(z.int()),
})
export type InputTensor = z.infer<typeof InputTensor>

/**
 * How a model takes its input. `columns`: rows of cells, named and typed. `tensors`: arrays, by name unless it is the only one. `any`: it was
 * logged without a signature, so that what a caller sends goes to it unchecked.
 */
export const ModelInput = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('columns') }),
  z.object({ kind: z.literal('tensors'), tensors: z.array(InputTensor).min(1) }),
  z.object({ kind: z.literal('any') }),
])
export type ModelInput = z.infer<typeof ModelInput>

/**
 * How a version runs. `onnx`: in process, after a parity check. `python`: a persistent worker process.
 * Files are content addresses that the gateway fetches from the server and keeps.
 */
const PythonRuntime = z.object({
  kind: z.literal('python'),
  lockDigest: Digest,
  files: z.array(z.object({ path: z.string(), digest: Digest })),
  /** What a missing text is to the model: what pandas makes of it in a request. Absent: "", as of versions that were compared when that was so. */
  gap: z.literal('request').optional(),
})

/**
 * Texts that stand for a missing one, since a tensor of texts holds none: `some` where another row of the request has a text in the column (pandas: NaN),
 * `none` where none has (None). null: the model raises for it in Python. `instead`: what is fed for a cell that holds such a text itself.
 */
export const GapTexts = z.object({
  some: z.string().nullable(),
  none: z.string().nullable(),
  instead: z.record(z.string(), z.string()),
})
export type GapTexts = z.infer<typeof GapTexts>

/** Whether no row of a request has a value in a column: what a missing text is to the model depends on it. */
export function noneHas(rows: readonly (readonly JsonValue[])[], place: number): boolean {
  for (const row of rows) if (row[place] != null) return false
  return true
}

export const Runtime = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('onnx'),
    model: Digest,
    /** Tensor name for each column, in the model's order; with a signature of tensors for each of those. */
    inputs: z.array(
      z.object({
        /** Of a signature's tensors "" is the one without a name. */
        column: z.string(),
        tensor: z.string(),
        type: z.enum(['float32', 'string', 'int64']),
        /** `refused`: in Python the model raises for a missing value, and so does this. */
        missing: z.enum(['allowed', 'refused']).optional(),
        /** With a signature of tensors: the shape of a row's part, as the input example has it. */
        shape: z.array(z.int()).optional(),
        /** Of a column of texts; absent: a missing one is "", as of versions that were compared when that was so. */
        gap: GapTexts.optional(),
      }),
    ),
    output: z.string(),
    /** How a row's part of the output becomes its answer: its one value, the list of its values, or a record of them. */
    shape: z.enum(['value', 'list', 'record']).optional(),
    /** Of a record, in the order of the values. */
    names: z.array(z.string()).optional(),
    /** How its answers are compared with Python's, at the gate and while it serves. */
    check: z
      .object({
        kind: AnswerKind,
        tolerance: z.number(),
        /** Tensor with the probabilities behind labels. */
        scores: z.string().nullable(),
      })
      .optional(),
    /** The same version in Python, which a sample of its answers is asked again of; absent: none is. */
    python: PythonRuntime.optional(),
  }),
  PythonRuntime,
])
export type Runtime = z.infer<typeof Runtime>

export const Variant = z.object({
  version: ModelVersionRef,
  runtime: Runtime,
  /** Processes of the Python runtime, and what each may take; absent: as many as a policy that says nothing gives. */
  workers: WorkerPolicy.optional(),
})
export type Variant = z.infer<typeof Variant>

/** What the mirror of a rollout may cost: a share of the things, and how many are asked at the same time. */
const MirrorLimits = z.object({ sharePercent: z.number(), maxConcurrency: z.int() })
export type MirrorLimits = z.infer<typeof MirrorLimits>
/** Beside the weights: who is sent where, and how far callers may be exposed. Snapshots of before these have none. */
const Sharing = {
  mirror: MirrorLimits.optional(),
  rules: z.array(RoutingRule).optional(),
  exposure: Exposure.optional(),
}
/** Up to this place on the circle, percent, and from the end of the part before it, callers get that version; null: the champion. */
export const Part = z.object({ toPercent: z.number(), version: ModelVersionRef.nullable() })
export type Part = z.infer<typeof Part>

/**
 * Who answers. `single`: the champion. `shadow`: the champion answers, the candidate is mirrored off the request path.
 * `canary`: a caller whose hash lies below the weight gets the candidate; the other version is mirrored. `split`: callers are shared
 * out to several versions by parts of the circle; each of the others is mirrored.
 */
export const Routing = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('single') }),
  z.object({
    kind: z.literal('shadow'),
    rollout: Id,
    stage: z.int(),
    candidate: Variant,
    mirror: MirrorLimits.optional(),
  }),
  z.object({
    kind: z.literal('canary'),
    rollout: Id,
    stage: z.int(),
    candidate: Variant,
    weightPercent: z.number().min(0).max(100),
    salt: z.string(),
    ...Sharing,
  }),
  z.object({
    kind: z.literal('split'),
    rollout: Id,
    stage: z.int(),
    variants: z.array(Variant).min(1),
    parts: z.array(Part).min(1),
    salt: z.string(),
    ...Sharing,
  }),
])
export type Routing = z.infer<typeof Routing>

export const EndpointSnapshot = z.object({
  workspace: z.string(),
  name: Name,
  /** Replay mode: the request's own event time is accepted. */
  replay: z.boolean(),
  /** Empty unless the input is by columns. */
  columns: z.array(InputColumn),
  /** Snapshots of before tensors were served have columns. */
  input: ModelInput.default({ kind: 'columns' }),
  champion: Variant,
  routing: Routing,
  /** What of the policy the gateway itself keeps; absent in snapshots of before: all is written as it came. */
  logging: LoggingPolicy.pick({ sensitive: true, caller: true, unwritable: true }).optional(),
  /** Snapshots of before limits were kept have the default ones. */
  limits: LimitsPolicy.optional(),
  /** Absent in snapshots of before: nothing is asked of Python again. */
  recheck: RecheckPolicy.optional(),
})
export type EndpointSnapshot = z.infer<typeof EndpointSnapshot>

/** A token that may ask for predictions, as gateways know it: by the SHA-256 of its secret, hex. */
export const AskingToken = z.object({
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** `*`: every workspace. */
  workspace: z.string(),
  endpoints: z.array(Name).nullable(),
  expiresAt: Instant,
})
export type AskingToken = z.infer<typeof AskingToken>

/** What the server tells every gateway. A gateway keeps the last good one on its disk. */
export const Snapshot = z.object({
  format: z.literal(1),
  version: z.int(),
  issuedAt: Instant,
  /** A gateway that has not heard from the server for so long gives all traffic back to the champion. */
  leaseSeconds: z.number(),
  /** Who may ask; absent: this platform has no login, and everybody who reaches the gateway may. */
  access: z.object({ tokens: z.array(AskingToken) }).optional(),
  /** Key of this installation by which the log's hashes are made, hex; only there when an endpoint needs it. */
  logKey: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** Segments of the log that were opened before this instant are to be ended: something in them is to be erased. */
  endSegmentsBefore: Instant.optional(),
  endpoints: z.array(EndpointSnapshot),
})
export type Snapshot = z.infer<typeof Snapshot>

/** A gateway's word that it serves by a snapshot. `failed` names versions that it could not load. */
export const Confirmation = z.object({
  gateway: z.string(),
  version: z.int(),
  failed: z.array(
    z.object({
      /** Gateways of before it was told served one workspace. */
      workspace: z.string().default('default'),
      endpoint: Name,
      version: ModelVersionRef,
      reason: z.string(),
    }),
  ),
})
export type Confirmation = z.infer<typeof Confirmation>

/** Answers that a gateway gave without a record, because the log could not be written and the policy says to serve. */
export const UnloggedAnswers = z.object({
  gateway: z.string(),
  workspace: z.string(),
  endpoint: Name,
  answers: z.int().min(1),
  reason: z.string().max(500),
})
export type UnloggedAnswers = z.infer<typeof UnloggedAnswers>

/** An answer that a version gave as ONNX and gives otherwise in Python. Names the row, and holds nothing of it. */
export const RuntimeMismatch = z.object({
  gateway: z.string(),
  workspace: z.string(),
  endpoint: Name,
  version: ModelVersionRef,
  prediction: Id,
  /** Of the answer's rows, from 0. */
  row: z.int().min(0),
  /** null: not a matter of numbers, as with labels. */
  difference: z.number().nullable(),
  tolerance: z.number(),
})
export type RuntimeMismatch = z.infer<typeof RuntimeMismatch>

/** First line of a segment of the prediction log. */
export const SegmentHeader = z.object({
  format: z.literal(1),
  gateway: z.string(),
  segment: z.int(),
  openedAt: Instant,
})

/** One value a row, whatever JSON the version gives: a number, text, true or false, null, a list, a record. */
const Predictions = z.array(Json)
/**
 * How the values make the answer, where it is not simply their list. `names`: each value is a record, the answer a list for each of its names.
 * `whole`: the version did not answer by rows; the one value is its answer.
 */
const AnswerForm = z.enum(['names', 'whole'])

/** Milliseconds of a request: reading its text, checking it against the signature, waiting for its turn, and in the model. */
const Timings = z.object({ parse: z.number(), validate: z.number(), queue: z.number(), infer: z.number() })

const Answered = z.object({
  kind: z.literal('answer'),
  /** UUIDv7; its time is the arrival. */
  id: Id,
  workspace: z.string(),
  endpoint: Name,
  /** Milliseconds since 1970: arrival at the gateway, and the time that windows use. */
  arrivedAt: z.number(),
  eventTime: z.number(),
  requestId: z.string(),
  caller: z.string().nullable(),
  /** Business keys of the rows, for labels that know no prediction id; null where not given. */
  entities: z.array(z.string().nullable()),
  version: ModelVersionRef,
  runtime: z.enum(['onnx', 'python']),
  /** Rollout in force when the caller was routed; weight in percent at that moment. */
  rollout: z
    .object({
      id: Id,
      stage: z.int(),
      arm: z.enum(['champion', 'candidate']),
      weightPercent: z.number(),
      /** Why this arm, when not by the weight: such a caller was not tossed a coin. */
      by: z.enum(['rule', 'cap', 'slice', 'masked']).optional(),
      /** Shares of several versions, percent; the champion has the rest. */
      weights: z.record(ModelVersionRef, z.number()).optional(),
    })
    .nullable(),
  /** Names of the columns, or of the tensors: "" for one without a name. */
  columns: z.array(z.string()),
  /** A cell is a value of its column, or the row's part of a tensor. */
  rows: z.array(z.array(Json)),
  /** Columns whose cells in `rows` are not what was sent, and how they were written; absent: none. */
  redacted: z.record(z.string(), Redaction).optional(),
  /** The model got arrays; absent: a table. */
  input: z.literal('tensors').optional(),
  /** Parameters of the request that are not rows, where it had some. */
  params: z.record(z.string(), Json).optional(),
  /** null: the version failed; `error` says how. A caller's own mistake (400) is not logged as an answer. */
  predictions: Predictions.nullable(),
  form: AnswerForm.optional(),
  error: z.string().nullable(),
  milliseconds: z.number(),
  /** Where the time of the request went until the record was made, in milliseconds; records of before have none. */
  timings: Timings.optional(),
  /** Trace id of the W3C trace context that the request came with: 32 hex digits. */
  trace: z.string().optional(),
})
const Mirrored = z.object({
  kind: z.literal('mirror'),
  /** The answer that it mirrors. */
  id: Id,
  workspace: z.string(),
  endpoint: Name,
  eventTime: z.number(),
  caller: z.string().nullable(),
  entities: z.array(z.string().nullable()),
  version: ModelVersionRef,
  rollout: z.object({ id: Id, stage: z.int(), arm: z.enum(['champion', 'candidate']) }),
  predictions: Predictions.nullable(),
  form: AnswerForm.optional(),
  error: z.string().nullable(),
  milliseconds: z.number(),
})
/** A line of the prediction log after the header: one JSON object a line, appended before the answer leaves. */
export const LogRecord = z.discriminatedUnion('kind', [Answered, Mirrored])
export type LogRecord = z.infer<typeof LogRecord>
export const AnswerRecord = Answered
export type AnswerRecord = z.infer<typeof Answered>
export const MirrorRecord = Mirrored
export type MirrorRecord = z.infer<typeof Mirrored>

/** Request headers that the gateway reads beside the body. */
export const HEADERS = {
  caller: 'tidemark-caller',
  entity: 'tidemark-entity',
  eventTime: 'tidemark-event-time',
  predictionId: 'tidemark-prediction-id',
  version: 'tidemark-model-version',
  /** On an answer alone, and only when it says "no": the prediction log could not be written. */
  logged: 'tidemark-logged',
  /** Milliseconds after which the caller no longer waits; more than the endpoint allows is the endpoint's. */
  timeout: 'tidemark-timeout-ms',
} as const
