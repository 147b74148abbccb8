import { automation } from './automation.ts'
import { batch } from './batch.ts'
import { data } from './data.ts'
import { deployments } from './deployments.ts'
import { erasures } from './erasures.ts'
import { evaluation } from './evaluation.ts'
import { experiments } from './experiments.ts'
import { explanations } from './explanations.ts'
import { governance } from './governance.ts'
import { identity } from './identity.ts'
import { imports } from './imports.ts'
import { monitoring } from './monitoring.ts'
import { pipelines } from './pipelines.ts'
import { platform } from './platform.ts'
import { registry } from './registry.ts'
import { replays } from './replays.ts'
import { retention } from './retention.ts'
import { runtimes } from './runtimes.ts'
import { traffic } from './traffic.ts'
import { webhooks } from './webhooks.ts'

export * from './automation.ts'
export * from './batch.ts'
export * from './client.ts'
export * from './data.ts'
export * from './deployments.ts'
export * from './endpoint.ts'
export * from './erasures.ts'
export * from './errors.ts'
export * from './evaluation.ts'
export * from './events/index.ts'
export * from './experiments.ts'
export * from './explanations.ts'
export * from './gateway.ts'
export * from './governance.ts'
export * from './identity.ts'
export * from './ids.ts'
export * from './imports.ts'
export * from './monitoring.ts'
export * from './openapi.ts'
export * from './pipelines.ts'
export * from './platform.ts'
export * from './policy.ts'
export * from './predictions.ts'
export * from './registry.ts'
export * from './replays.ts'
export * from './retention.ts'
export * from './rolloutPolicy.ts'
export * from './rollouts.ts'
export * from './runtimes.ts'
export * from './traffic.ts'
export * from './values.ts'
export * from './webhooks.ts'

/** Every endpoint of the own API, by module. */
export const api = {
  data,
  pipelines,
  governance,
  evaluation,
  deployments,
  automation,
  monitoring,
  erasures,
  batch,
  platform,
  identity,
  experiments,
  registry,
  replays,
  retention,
  runtimes,
  explanations,
  traffic,
  webhooks,
  imports,
} as const
