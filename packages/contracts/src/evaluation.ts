import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Evidence } from './events/index.ts'
import { RuntimeVerdict } from './runtimes.ts'
import { Id, Instant, Name } from './values.ts'

const tag = 'evaluation'

/** `not_judged`: shown with its numbers, and said why it is not judged. */
export const GateVerdict = z.enum(['passed', 'failed', 'not_judged'])
export type GateVerdict = z.infer<typeof GateVerdict>

export const GATE_NAMES = ['beats_champion', 'integrity', 'slices', 'robustness', 'replay'] as const
export const GateName = z.enum(GATE_NAMES)
export type GateName = z.infer<typeof GateName>

const Judgement = z.object({
  verdict: GateVerdict,
  numbers: Evidence,
  sentence: z.string().describe('What was compared, the numbers, and why it passed or failed.'),
})
/** One slice, one perturbation: a gate's finer grain. */
export const GatePart = Judgement.extend({ name: z.string() }).meta({ id: 'GatePart' })
export type GatePart = z.infer<typeof GatePart>
export const Gate = Judgement.extend({ name: GateName, parts: z.array(GatePart) }).meta({ id: 'Gate' })
export type Gate = z.infer<typeof Gate>

/** `gates`: may it be approved? `first`: an endpoint's first version, measured and not gated. */
export const EvaluationPurpose = z.enum(['gates', 'first'])
export type EvaluationPurpose = z.infer<typeof EvaluationPurpose>

export const Evaluation = z
  .object({
    id: Id,
    model: z.string(),
    version: z.int(),
    endpoint: Name,
    purpose: EvaluationPurpose,
    /** Version it was compared with; null: the mean of the labels. */
    champion: z.int().nullable(),
    pipelineRun: Id.nullable().describe('The run that made the version.'),
    holdoutRun: Id.nullable().describe('The run whose holdout was used.'),
    state: z.enum(['converting', 'predicting', 'judging', 'passed', 'failed', 'measured', 'broken']),
    /** For `broken`: what kept the evaluation from an end. */
    problem: z.string().nullable(),
    summary: z.string().nullable(),
    runtime: RuntimeVerdict.nullable(),
    gates: z.array(Gate),
    holdout: z
      .object({ rows: z.int(), from: Instant.nullable(), to: Instant.nullable(), meanLoss: z.number().nullable() })
      .nullable(),
    startedAt: Instant,
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'Evaluation' })
export type Evaluation = z.infer<typeof Evaluation>

export const HoldoutRow = z.object({
  entity: z.string().nullable(),
  eventTime: Instant.nullable(),
  label: z.number(),
  prediction: z.number().nullable(),
  championPrediction: z.number().nullable(),
  loss: z.number().nullable(),
})

export const evaluation = {
  startEvaluation: endpoint({
    method: 'POST',
    path: '/api/v1/evaluations',
    tag,
    summary: 'Convert a version, compare it with the champion of an endpoint, and run its gates',
    permission: 'evaluation.write',
    status: 202,
    body: z.object({ model: z.string().min(1), version: z.int().min(1), endpoint: Name }),
    reply: Evaluation,
  }),
  listEvaluations: endpoint({
    method: 'GET',
    path: '/api/v1/evaluations',
    tag,
    summary: 'Evaluations, newest first',
    permission: 'evaluation.read',
    query: z.object({
      model: z.string().optional(),
      version: z.coerce.number().int().min(1).optional(),
      endpoint: Name.optional(),
      limit: z.coerce.number().int().min(1).max(500).default(50),
    }),
    reply: z.object({ evaluations: z.array(Evaluation) }),
  }),
  getEvaluation: endpoint({
    method: 'GET',
    path: '/api/v1/evaluations/:id',
    tag,
    summary: 'One evaluation with every gate and its numbers',
    permission: 'evaluation.read',
    params: z.object({ id: Id }),
    reply: Evaluation,
  }),
  getHoldout: endpoint({
    method: 'GET',
    path: '/api/v1/evaluations/:id/holdout',
    tag,
    summary: 'Holdout rows with the predictions of candidate and champion',
    permission: 'evaluation.read',
    params: z.object({ id: Id }),
    reply: z.object({ rows: z.array(HoldoutRow) }),
  }),
} as const
