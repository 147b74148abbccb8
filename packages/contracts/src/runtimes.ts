import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Digest, Id, Instant, Json, Name } from './values.ts'

const tag = 'evaluation'

/**
 * What a conversion is compared by. `numbers`: absolute difference against a share of the target's standard deviation. `probabilities`:
 * absolute difference, and the same most likely class. `labels`: equality, but where two classes are exactly tied.
 */
export const AnswerKind = z.enum(['numbers', 'probabilities', 'labels'])
export type AnswerKind = z.infer<typeof AnswerKind>

/** A row on which the two runtimes were compared. `got` null: as ONNX it gave nothing; `expected` null: Python refuses it. */
export const ParityDifference = z
  .object({
    /** What the row is for: `sample`, `missing Budget`, `boundary Budget` … */
    kind: z.string(),
    row: z.record(z.string(), Json),
    expected: Json,
    got: Json,
    /** null: not a matter of numbers, as with labels. */
    difference: z.number().nullable(),
  })
  .meta({ id: 'ParityDifference' })
export type ParityDifference = z.infer<typeof ParityDifference>

/** Where a version will run, and why there. */
export const RuntimeVerdict = z
  .object({
    kind: z.enum(['onnx', 'python']),
    sentence: z.string(),
    /** Largest difference of the two runtimes over the parity rows; null when nothing was compared. */
    maxAbsoluteDifference: z.number().nullable(),
    tolerance: z.number().nullable(),
    parityRows: z.int(),
    compared: AnswerKind.nullable().default(null),
    /** Of the rows, those that really occurred: of the input example and the sample. */
    realRows: z.int().default(0),
    /** Rows beyond the tolerance, or with another label. */
    mismatches: z.int().default(0),
    /** Rows with another label where Python's two best classes are exactly tied. */
    ties: z.int().default(0),
    /** The rows that differ most, worst first. */
    worst: z.array(ParityDifference).default([]),
    /** Of the list of the version's files. */
    modelDigest: z.string().nullable().default(null),
    onnxDigest: Digest.nullable().default(null).describe('Of the converted model, also of one that was refused.'),
  })
  .meta({ id: 'RuntimeVerdict' })
export type RuntimeVerdict = z.infer<typeof RuntimeVerdict>

/** A mismatch that was found while serving, and that ended the version's time as ONNX. */
export const RuntimeSwitch = z
  .object({
    at: Instant,
    endpoint: Name,
    prediction: Id.describe('The answer that Python gives otherwise.'),
    /** Of the answer's rows, from 0. */
    row: z.int(),
    difference: z.number().nullable(),
    tolerance: z.number(),
    sentence: z.string(),
  })
  .meta({ id: 'RuntimeSwitch' })
export type RuntimeSwitch = z.infer<typeof RuntimeSwitch>

/** Preparation of a version after its registration. `unprepared`: it holds no Python function or came before preparations. */
export const PreparationState = z.enum(['unprepared', 'waiting', 'done', 'failed'])

export const VersionRuntime = z
  .object({
    model: z.string(),
    version: z.int(),
    preparation: PreparationState,
    problem: z.string().nullable().describe('For `failed`: what kept the preparation from an end.'),
    /** Where it runs now; null before it was decided. */
    runtime: z.enum(['onnx', 'python']).nullable(),
    verdict: RuntimeVerdict.nullable(),
    decidedAt: Instant.nullable(),
    switched: RuntimeSwitch.nullable(),
  })
  .meta({ id: 'VersionRuntime' })
export type VersionRuntime = z.infer<typeof VersionRuntime>

export const runtimes = {
  getVersionRuntime: endpoint({
    method: 'GET',
    path: '/api/v1/models/:model/versions/:version/runtime',
    tag,
    summary: 'Where a version runs, and how its conversion compared with Python',
    permission: 'evaluation.read',
    params: z.object({ model: z.string().min(1).max(256), version: z.coerce.number().int().min(1) }),
    reply: VersionRuntime,
  }),
} as const
