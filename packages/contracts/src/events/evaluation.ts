import { z } from 'zod'
import { Digest, Id, Name } from '../values.ts'
import { defineEvent, Evidence, Version } from './define.ts'

const Gates = Version.extend({
  evaluation: Id,
  endpoint: Name,
  champion: z.int().nullable(),
  summary: z.string(),
  evidence: Evidence,
})
export const gatesPassed = defineEvent(
  'evaluation.gates_passed',
  Gates,
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Gates of ${p.model}/${p.version} passed: ${p.summary}`,
)
export const gatesFailed = defineEvent(
  'evaluation.gates_failed',
  Gates,
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Gates of ${p.model}/${p.version} refused it: ${p.summary}`,
)

export const versionMeasured = defineEvent(
  'evaluation.version_measured',
  Gates.extend({ runtime: z.enum(['onnx', 'python']) }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} measured for its endpoint ${p.endpoint}: ${p.summary}`,
)
export const evaluationBroken = defineEvent(
  'evaluation.broken',
  Version.extend({ evaluation: Id, endpoint: Name, purpose: z.enum(['gates', 'first']), problem: z.string() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `The evaluation of ${p.model}/${p.version} for ${p.endpoint} came to no end: ${p.problem}`,
)

export const runtimeDecided = defineEvent(
  'evaluation.runtime_decided',
  Version.extend({
    runtime: z.enum(['onnx', 'python']),
    summary: z.string(),
    modelDigest: z.string().nullable(),
    onnxDigest: Digest.nullable(),
    parityRows: z.int(),
    mismatches: z.int(),
  }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Runtime of ${p.model}/${p.version} decided: ${p.summary}`,
)
export const runtimeSwitched = defineEvent(
  'evaluation.runtime_switched',
  Version.extend({ endpoint: Name, prediction: Id, summary: z.string() }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} runs in Python from now on: ${p.summary}`,
)

/** Gates, and where versions run. */
export const EVALUATION_EVENTS = [
  gatesPassed,
  gatesFailed,
  versionMeasured,
  evaluationBroken,
  runtimeDecided,
  runtimeSwitched,
] as const
