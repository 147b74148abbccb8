import type { HttpServer, Platform } from '../platform/index.ts'
import { importRoutes } from './routes.ts'
import { createImportService, type ImportPorts } from './service.ts'

/** What comes in from other tracking servers. */
export function createImports(platform: Platform, ports: ImportPorts) {
  const service = createImportService(platform, ports)
  return {
    /** Mounts the own API. */
    routes(app: HttpServer): void {
      importRoutes(app, service)
    },
  }
}
