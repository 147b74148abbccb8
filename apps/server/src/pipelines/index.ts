import { join } from 'node:path'
import { z } from 'zod'
import type { HttpServer, Platform } from '../platform/index.ts'
import { Executor } from './executor.ts'
import { StepLogs } from './log.ts'
import { Reconciler } from './reconcile.ts'
import { pipelineRoutes } from './routes.ts'
import { Pipelines } from './service.ts'
import type { PipelinePorts } from './types.ts'

export { pipelineMigrations } from './migrations.ts'
export type { Pipelines } from './service.ts'
export type { PipelinePorts } from './types.ts'

const RunJob = z.object({ workspace: z.string(), run: z.uuid() })

export interface PipelinesModule {
  readonly service: Pipelines
  routes(app: HttpServer): void
  /** Takes up what the last server left; once this server listens, because steps call it. */
  resume(): Promise<void>
  stop(): Promise<void>
}

/** Pipelines: definitions, runs, the reconciler and its job. */
export function createPipelines(platform: Platform, ports: PipelinePorts): PipelinesModule {
  const logs = new StepLogs(join(platform.config.dataDir, 'logs', 'pipelines'))
  const executor = new Executor(platform, ports, logs)
  const reconciler = new Reconciler(platform, executor)
  platform.resets.onReset(() => executor.abandon())
  const service = new Pipelines(platform, ports, executor, logs)
  platform.jobs.register('pipelines.reconcile', RunJob, ({ workspace, run }) => reconciler.reconcile(workspace, run))
  platform.jobs.register('pipelines.ended', RunJob, ({ workspace, run }) => service.ended(workspace, run))
  return {
    service,
    routes: (app) => pipelineRoutes(app, service),
    resume: () => service.resume(),
    stop: () => executor.close(),
  }
}
