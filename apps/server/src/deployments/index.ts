export {
  deploymentMigrations,
  endpointInputMigrations,
  evidenceRolloutMigrations,
  labelAgeMigrations,
  strategyMigrations,
  waivedRolloutMigrations,
} from './migrations.ts'
export { Deployments } from './service.ts'
export type { Endpoint } from './types.ts'
