export { evaluationMigrations } from './migrations.ts'
export { Evaluations } from './service.ts'
export type { Evaluation, EvaluationPorts, HoldoutLosses } from './types.ts'
