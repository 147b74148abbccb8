export { deploymentMigrations } from './migrations.ts'
export { Deployments } from './service.ts'
export type { Comparison, DeploymentPorts, Endpoint } from './types.ts'
