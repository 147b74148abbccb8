import { randomUUID } from 'node:crypto'
import { webhookChanged, webhookCreated, webhookDeleted } from '@tidemark/contracts'
import { missing } from '@tidemark/mlflow-protocol'
import { type Actor, inTransaction, type Platform, type Queryable } from '../platform/index.ts'
import { type AddressRules, checkUrl } from './address.ts'
import { checkName, topicList } from './asked.ts'
import { bodyOf, exampleOf } from './messages.ts'
import { send } from './send.ts'
import * as store from './store.ts'
import type { Attempt, Delivery, Topic, Webhook } from './types.ts'

export interface NewWebhook {
  readonly name: string
  readonly url: string
  readonly topics: readonly Topic[]
  readonly description: string
  /** Empty for none. */
  readonly secret: string
  readonly active: boolean
}

export type Webhooks = ReturnType<typeof createService>

/** What a secret is sealed for: a row's secret cannot be put into another row. */
export function secretContext(webhook: string): string {
  return `webhook:${webhook}`
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Webhooks: who is told of what happens in the registry. */
export function createService(platform: Platform, rules: AddressRules) {
  const { db, clock, events, secrets } = platform

  async function webhook(on: Queryable, workspace: string, id: string): Promise<Webhook> {
    const found = UUID.test(id) ? await store.webhookById(on, workspace, id) : null
    if (!found) throw missing(`Webhook with ID ${id} not found.`)
    return found
  }

  const seal = (secret: string, id: string) => (secret === '' ? null : secrets.seal(secret, secretContext(id)))

  return {
    async create(actor: Actor, given: NewWebhook): Promise<Webhook> {
      actor.require('registry.write', given.name)
      checkName(given.name)
      const { host } = await checkUrl(given.url, rules)
      const topics = topicList(given.topics)
      const id = randomUUID()
      const nowMs = clock.now().getTime()
      const made: Webhook = {
        id,
        workspace: actor.workspace,
        name: given.name,
        description: given.description,
        url: given.url,
        topics,
        active: given.active,
        secret: seal(given.secret, id),
        createdMs: nowMs,
        updatedMs: nowMs,
      }
      await inTransaction(db, async (tx) => {
        await store.saveWebhook(tx, made)
        await events.append(tx, actor, webhookCreated, { webhook: id, name: made.name, host, events: topics })
      })
      return made
    },

    async get(actor: Actor, id: string): Promise<Webhook> {
      actor.require('registry.read', id)
      return webhook(db, actor.workspace, id)
    },

    async list(actor: Actor, offset: number, limit: number): Promise<Webhook[]> {
      actor.require('registry.read')
      return store.listWebhooks(db, actor.workspace, offset, limit)
    },

    /** Changes what is given; an empty secret takes the secret away. */
    async change(actor: Actor, id: string, given: Partial<NewWebhook>): Promise<Webhook> {
      actor.require('registry.write', id)
      await webhook(db, actor.workspace, id)
      if (given.name !== undefined) checkName(given.name)
      // Before the transaction: a name server may take its time.
      if (given.url !== undefined) await checkUrl(given.url, rules)
      return inTransaction(db, async (tx) => {
        const before = await webhook(tx, actor.workspace, id)
        const { name = before.name, description = before.description, url = before.url, active = before.active } = given
        const topics = given.topics === undefined ? before.topics : topicList(given.topics)
        const secret = given.secret === undefined ? before.secret : seal(given.secret, id)
        const after = { ...before, name, description, url, active, topics, secret, updatedMs: clock.now().getTime() }
        await store.saveWebhook(tx, after)
        const change = { active, newSecret: given.secret !== undefined, events: [...topics] }
        await events.append(tx, actor, webhookChanged, { webhook: id, name, host: new URL(url).host, ...change })
        return after
      })
    },

    async remove(actor: Actor, id: string): Promise<void> {
      actor.require('registry.write', id)
      await inTransaction(db, async (tx) => {
        const { name, url } = await webhook(tx, actor.workspace, id)
        await store.deleteWebhook(tx, actor.workspace, id)
        await events.append(tx, actor, webhookDeleted, { webhook: id, name, host: new URL(url).host })
      })
    },

    /** Sends an example once, of a topic or the webhook's first, and tells how that went. */
    async tryOut(actor: Actor, id: string, topic: Topic | undefined): Promise<Attempt> {
      actor.require('registry.write', id)
      const found = await webhook(db, actor.workspace, id)
      const message = exampleOf(topic ?? found.topics[0] ?? 'registered_model.created')
      const letter = {
        url: found.url,
        delivery: randomUUID(),
        body: bodyOf(message, clock.now(), actor.workspace),
        secret: found.secret && secrets.open(found.secret, secretContext(id)),
      }
      return send(letter, rules, clock.now(), new AbortController().signal)
    },

    /** The newest deliveries of a webhook. */
    async deliveries(actor: Actor, id: string, limit: number): Promise<Delivery[]> {
      actor.require('registry.read', id)
      await webhook(db, actor.workspace, id)
      return store.deliveriesOf(db, id, limit)
    },
  }
}
