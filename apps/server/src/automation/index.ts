import type { HttpServer, Platform } from '../platform/index.ts'
import { automationRoutes } from './routes.ts'
import { Automation } from './service.ts'
import type { AutomationPorts } from './types.ts'

export type { AutomationPorts } from './types.ts'

/** Puts automation together. */
export function createAutomation(
  platform: Platform,
  ports: AutomationPorts,
): Pick<Automation, 'consider' | 'learn' | 'declined'> & { routes(app: HttpServer): void } {
  const automation = new Automation(platform, ports)
  return {
    consider: (actor, event) => automation.consider(actor, event),
    learn: (actor, event) => automation.learn(actor, event),
    declined: (actor, event) => automation.declined(actor, event),
    routes: (app) => automationRoutes(app, platform, ports),
  }
}
