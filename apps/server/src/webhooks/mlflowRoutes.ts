import { invalid, offsetOf, requests, tokenOf, unlessEmpty } from '@tidemark/mlflow-protocol'
import type { MlflowCall, MlflowRoutes } from '../experiments/index.ts'
import { topicOf } from './asked.ts'
import type { Webhooks } from './service.ts'
import type { Topic, Webhook } from './types.ts'

const idOf = (call: MlflowCall) => call.params.webhook_id ?? ''

/** A webhook as MLflow gives it: the secret is never part of it. */
function wireWebhook(webhook: Webhook) {
  return {
    webhook_id: webhook.id,
    name: webhook.name,
    ...(webhook.description === '' ? {} : { description: webhook.description }),
    url: webhook.url,
    events: webhook.topics.map((topic) => {
      const [entity = '', action = ''] = topic.toUpperCase().split('.')
      return { entity, action }
    }),
    status: webhook.active ? 'ACTIVE' : 'DISABLED',
    creation_timestamp: webhook.createdMs,
    last_updated_timestamp: webhook.updatedMs,
  }
}

interface WireEvent {
  readonly entity: string | undefined
  readonly action: string | undefined
}

function topics(events: readonly WireEvent[]): Topic[] {
  return events.map(({ entity, action }) => {
    if (!entity || !action) throw invalid('A webhook event has an entity and an action.')
    return topicOf(entity.toLowerCase(), action.toLowerCase())
  })
}

/** Webhooks of MLflow's REST API. */
export function webhookRoutes(webhooks: Webhooks): MlflowRoutes {
  return {
    'POST webhooks': async ({ read, actor }) => {
      const asked = read(requests.CreateWebhook)
      const made = await webhooks.create(actor, {
        name: asked.name,
        url: asked.url,
        topics: topics(asked.events),
        description: asked.description ?? '',
        secret: asked.secret ?? '',
        active: asked.status !== 'DISABLED',
      })
      return { webhook: wireWebhook(made) }
    },
    'GET webhooks': async ({ read, actor }) => {
      const { max_results, page_token } = read(requests.ListWebhooks)
      const size = max_results || 100
      if (size < 1 || size > 1000) throw invalid('max_results must be between 1 and 1000.')
      const offset = offsetOf(page_token)
      const found = await webhooks.list(actor, offset, size + 1)
      return {
        ...unlessEmpty('webhooks', found.slice(0, size).map(wireWebhook)),
        ...(found.length > size ? { next_page_token: tokenOf(offset + size) } : {}),
      }
    },
    'GET webhooks/:webhook_id': async (call) => ({
      webhook: wireWebhook(await webhooks.get(call.actor, idOf(call))),
    }),
    'PATCH webhooks/:webhook_id': async (call) => {
      const { name, url, description, events, secret, status } = call.read(requests.UpdateWebhook)
      const changed = await webhooks.change(call.actor, idOf(call), {
        ...(name ? { name } : {}),
        ...(url ? { url } : {}),
        ...(description === undefined ? {} : { description }),
        ...(events?.length ? { topics: topics(events) } : {}),
        ...(secret === undefined ? {} : { secret }),
        ...(status === undefined ? {} : { active: status === 'ACTIVE' }),
      })
      return { webhook: wireWebhook(changed) }
    },
    'DELETE webhooks/:webhook_id': async (call) => {
      await webhooks.remove(call.actor, idOf(call))
      return {}
    },
    'POST webhooks/:webhook_id/test': async (call) => {
      const { event } = call.read(requests.TestWebhook)
      const topic = event === undefined ? undefined : topics([event])[0]
      const attempt = await webhooks.tryOut(call.actor, idOf(call), topic)
      if (attempt.kind !== 'answered') {
        return { result: { success: false, error_message: `Failed to test webhook: ${attempt.reason}` } }
      }
      const { status, body } = attempt
      return {
        result: {
          success: status >= 200 && status < 300,
          response_status: status,
          ...(body === '' ? {} : { response_body: body }),
        },
      }
    },
  }
}
