export { deploymentMigrations, endpointInputMigrations, waivedRolloutMigrations } from './migrations.ts'
export { Deployments } from './service.ts'
export type { Endpoint } from './types.ts'
