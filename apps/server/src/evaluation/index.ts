export { evaluationMigrations } from './migrations.ts'
export { Evaluations } from './service.ts'
