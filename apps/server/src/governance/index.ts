export { governanceMigrations } from './migrations.ts'
export { Governance } from './service.ts'
