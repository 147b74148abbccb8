export { governanceMigrations, namedInEventMigrations } from './migrations.ts'
export { Governance } from './service.ts'
