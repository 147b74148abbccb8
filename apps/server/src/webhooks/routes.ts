import { webhooks as contract } from '@tidemark/contracts'
import { type HttpServer, mount } from '../platform/index.ts'
import type { Webhooks } from './service.ts'

/** The own API of webhooks: what MLflow's does not tell. */
export function webhookApi(app: HttpServer, webhooks: Webhooks): void {
  mount(app, contract.list, async (_input, { actor }) => ({
    webhooks: (await webhooks.list(actor, 0, 1000)).map(({ id, name, url, topics, active }) => ({
      id,
      name,
      url,
      events: [...topics],
      active,
    })),
  }))
  mount(app, contract.deliveries, async ({ params, query }, { actor }) => ({
    deliveries: (await webhooks.deliveries(actor, params.webhook, query.limit)).map((delivery) => ({
      ...delivery,
      createdAt: delivery.createdAt.toISOString(),
      finishedAt: delivery.finishedAt?.toISOString() ?? null,
    })),
  }))
}
