export { gatewayMigrations } from './migrations.ts'
export { Gateways } from './service.ts'
