export { governanceMigrations } from './migrations.ts'
export { Governance } from './service.ts'
export type { GovernancePorts } from './types.ts'
