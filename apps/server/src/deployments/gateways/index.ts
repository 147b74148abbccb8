export { gatewayMigrations } from './migrations.ts'
export { Gateways } from './service.ts'
export type { GatewayState, LoadFailure } from './types.ts'
