export { gatewayMigrations, segmentEndMigrations } from './migrations.ts'
export { Gateways } from './service.ts'
