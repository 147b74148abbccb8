import type { EventRecord } from '@tidemark/contracts'
import type { FastifyInstance } from 'fastify'
import { mountMlflow } from '../experiments/index.ts'
import type { Actor, HttpServer, Platform, Tx } from '../platform/index.ts'
import { type AddressRules, resolveName } from './address.ts'
import { Courier } from './courier.ts'
import { webhookRoutes } from './mlflowRoutes.ts'
import { webhookApi } from './routes.ts'
import { createService } from './service.ts'
import { hasActiveWebhook } from './store.ts'

export type WebhooksModule = ReturnType<typeof createWebhooks>

/** Webhooks: others are told what happens in the registry, signed, retried, and written down. */
export function createWebhooks(platform: Platform) {
  const rules: AddressRules = { loopback: platform.config.devLoopbackWebhooks ?? false, resolve: resolveName }
  const service = createService(platform, rules)
  const courier = new Courier(platform, rules)

  return {
    /** Queues a delivery of an event to each webhook that asked for it. */
    announce(actor: Actor, event: EventRecord): Promise<void> {
      return courier.announce(actor, event)
    },

    /** Whether there is anybody to tell. */
    isWanted(tx: Tx, workspace: string): Promise<boolean> {
      return hasActiveWebhook(tx, workspace)
    },

    /** Mounts the own API. */
    routes(app: HttpServer): void {
      webhookApi(app, service)
    },

    /** Adds webhooks to MLflow's API. */
    mlflow(scope: FastifyInstance): void {
      mountMlflow(scope, '2.0/mlflow', webhookRoutes(service))
    },

    /** After the queue has stopped. */
    stop(): Promise<void> {
      return courier.stop()
    },
  }
}
