import { z } from 'zod'
import type { HttpServer, Platform } from '../platform/index.ts'
import { dataRoutes } from './routes.ts'
import { Data } from './service.ts'

export { Analytics, type AnalyticsSession, identifier, literal } from './duckdb.ts'
export { dataMigrations } from './migrations.ts'
export { createdEvent, type Data } from './service.ts'

const ProfileJob = z.object({ workspace: z.string(), dataset: z.string(), version: z.int() })

export interface DataModule {
  readonly service: Data
  routes(app: HttpServer): void
  stop(): Promise<void>
}

/** Datasets, with the job that profiles new versions. */
export function createData(platform: Platform): DataModule {
  const service = new Data(platform)
  platform.jobs.register('data.profile', ProfileJob, async ({ workspace, dataset, version }) => {
    await service.profile(workspace, dataset, version)
  })
  return {
    service,
    routes: (app) => dataRoutes(app, service, platform.db),
    stop: () => service.stop(),
  }
}
