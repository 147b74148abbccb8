import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Id, Instant, Json, ModelVersionRef, Name } from './values.ts'

const tag = 'evaluation'

/** What the explained number is: what the model predicts, or how probable a classifier holds a class. */
export const Explained = z.enum(['prediction', 'probability'])

export const Contribution = z
  .object({
    column: z.string(),
    /** The row's value. */
    value: Json,
    contribution: z.number().describe('What this value adds to the base, in units of the prediction.'),
  })
  .meta({ id: 'Contribution' })
export type Contribution = z.infer<typeof Contribution>

/** One row's prediction as a sum: `base` + every contribution = `prediction`. */
export const Explanation = z
  .object({
    of: Explained,
    /** The class whose probability it is: the most probable one. null for a prediction. */
    output: z.string().nullable(),
    prediction: z.number(),
    base: z.number().describe('What the model predicts on average of the real rows that the row is compared with.'),
    /** The strongest first. */
    contributions: z.array(Contribution),
    /** How many real rows it is compared with. */
    background: z.int(),
  })
  .meta({ id: 'Explanation' })
export type Explanation = z.infer<typeof Explanation>

export const PredictionExplanation = Explanation.extend({
  predictionId: Id,
  endpoint: Name,
  version: ModelVersionRef,
  row: z.int().describe('Which of the request’s rows, from 0.'),
  rows: z.int(),
}).meta({ id: 'PredictionExplanation' })
export type PredictionExplanation = z.infer<typeof PredictionExplanation>

/** How much a version's answers move with each column: mean absolute change when the column's values are exchanged among real rows. */
export const VersionImportance = z
  .object({
    model: z.string(),
    version: z.int(),
    of: Explained,
    rows: z.int().describe('Real rows that it was measured over.'),
    /** The strongest first; `share` of their sum, 0–1. */
    columns: z.array(z.object({ column: z.string(), importance: z.number(), share: z.number() })),
    measuredAt: Instant,
  })
  .meta({ id: 'VersionImportance' })
export type VersionImportance = z.infer<typeof VersionImportance>

const VersionParams = z.object({
  model: z.string().min(1).max(256),
  version: z.coerce.number().int().min(1),
})

export const explanations = {
  explainPrediction: endpoint({
    method: 'POST',
    path: '/api/v1/predictions/:id/explanation',
    tag,
    summary: 'Explain a logged prediction: SHAP values of its raw columns, with the base value',
    permission: 'evaluation.read',
    params: z.object({ id: Id }),
    body: z.object({ row: z.int().min(0).default(0).describe('Which of the request’s rows, from 0.') }).prefault({}),
    reply: PredictionExplanation,
  }),
  explainRows: endpoint({
    method: 'POST',
    path: '/api/v1/models/:model/versions/:version/explanations',
    tag,
    summary: 'Explain what a version predicts for given rows',
    permission: 'evaluation.read',
    params: VersionParams,
    body: z.object({ rows: z.array(z.record(z.string(), Json)).min(1).max(20) }),
    reply: z.object({ version: ModelVersionRef, explanations: z.array(Explanation) }),
  }),
  getImportance: endpoint({
    method: 'GET',
    path: '/api/v1/models/:model/versions/:version/importance',
    tag,
    summary: 'How much a version’s answers move with each column, measured when it was registered',
    permission: 'evaluation.read',
    params: VersionParams,
    reply: VersionImportance,
  }),
} as const
