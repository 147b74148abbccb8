import { randomUUID } from 'node:crypto'
import type { EventRecord } from '@tidemark/contracts'
import { z } from 'zod'
import { type Actor, inTransaction, isConnectionLoss, type Platform, type Tx } from '../platform/index.ts'
import type { AddressRules } from './address.ts'
import { afterAttempt, hasRoom } from './decide.ts'
import { bodyOf, messageOf } from './messages.ts'
import { send } from './send.ts'
import { secretContext } from './service.ts'
import * as store from './store.ts'
import type { Attempt } from './types.ts'

const TASK = 'webhooks.send'
/** An attempt that nobody wrote the end of by then is made again: longer than one may take. */
const LEASE_SECONDS = 60
const NO_ROOM_SECONDS = 0.5
const KEPT_DAYS = 30
const KEPT_DELIVERIES = 1_000
const KEPT_RESPONSE = 1_000

/**
 * Tells webhooks what happened, at least once and each time with the same delivery id. The queue decides when; the sending itself does not hold
 * a worker of it, because receivers are slow. A server that is killed in between leaves a job that sends again.
 */
export class Courier {
  private readonly platform: Platform
  private readonly rules: AddressRules
  private readonly underWay = new Map<string, { readonly webhook: string; readonly stop: AbortController }>()
  private readonly attempts = new Set<Promise<void>>()

  constructor(platform: Platform, rules: AddressRules) {
    this.platform = platform
    this.rules = rules
    platform.jobs.register(TASK, z.object({ delivery: z.uuid() }), ({ delivery }) => this.take(delivery))
    platform.resets.onReset(() => this.abandon())
  }

  /** Writes down a delivery for each webhook that asked for this event, and queues them. */
  async announce(actor: Actor, event: EventRecord): Promise<void> {
    const message = messageOf(event)
    if (message === null) return
    const at = this.platform.clock.now()
    const body = bodyOf(message, new Date(event.occurredAt), actor.workspace)
    await inTransaction(this.platform.db, async (tx) => {
      for (const { id: webhook } of await store.activeWebhooksFor(tx, actor.workspace, message.topic)) {
        await store.forgetDeliveries(tx, webhook, new Date(at.getTime() - KEPT_DAYS * 86_400_000), KEPT_DELIVERIES)
        const delivery = { id: randomUUID(), webhook, cause: event.id, topic: message.topic, body, at }
        if (await store.addDelivery(tx, delivery)) await this.queue(tx, delivery.id, 0)
      }
    })
  }

  /** Ends what is being sent, after the queue has ended; the next server sends it again when its lease is over. */
  async stop(): Promise<void> {
    this.abandon()
    await Promise.allSettled(this.attempts)
  }

  private abandon(): void {
    for (const { stop } of this.underWay.values()) stop.abort()
  }

  private async queue(tx: Tx, delivery: string, afterSeconds: number): Promise<void> {
    // Without a time when it is for now: one that lies a moment after the transaction's start would wait for the queue's next look.
    const when = afterSeconds === 0 ? {} : { runAt: new Date(Date.now() + afterSeconds * 1000) }
    await this.platform.jobs.add(tx, TASK, { delivery }, { key: `webhook:${delivery}`, ...when })
  }

  private async take(id: string): Promise<void> {
    const webhook = await store.webhookOfDelivery(this.platform.db, id)
    if (webhook === null) return
    if (this.underWay.has(id) || !hasRoom([...this.underWay.values()], webhook)) {
      await inTransaction(this.platform.db, (tx) => this.queue(tx, id, NO_ROOM_SECONDS + Math.random() / 2))
      return
    }
    const stop = new AbortController()
    this.underWay.set(id, { webhook, stop })
    try {
      const open = await inTransaction(this.platform.db, async (tx) => {
        const begun = await store.beginAttempt(tx, id)
        if (begun?.webhook.active) await this.queue(tx, id, LEASE_SECONDS)
        else if (begun) await this.end(tx, id, 'dropped', null, 'The webhook was turned off')
        return begun?.webhook.active ? begun : null
      })
      if (!open) {
        this.underWay.delete(id)
        return
      }
      const attempt = this.attempt(open, stop.signal).finally(() => this.attempts.delete(attempt))
      this.attempts.add(attempt)
    } catch (error) {
      this.underWay.delete(id)
      throw error
    }
  }

  private async attempt(open: store.OpenDelivery, signal: AbortSignal): Promise<void> {
    try {
      const attempt = await this.sent(open, signal)
      // Before its end is written: the next try may be taken from the queue as soon as that is committed.
      this.underWay.delete(open.id)
      if (!signal.aborted) await inTransaction(this.platform.db, (tx) => this.writeDown(tx, open, attempt))
    } catch (error) {
      this.underWay.delete(open.id)
      // The lease's job sends once more: receivers know a delivery by its id.
      if (!isConnectionLoss(error)) {
        this.platform.log.error({ err: error, delivery: open.id }, 'a delivery was not written down')
      }
    }
  }

  private async sent({ id, body, webhook }: store.OpenDelivery, signal: AbortSignal): Promise<Attempt> {
    let secret: string | null
    try {
      secret = webhook.secret && this.platform.secrets.open(webhook.secret, secretContext(webhook.id))
    } catch {
      return {
        kind: 'refused',
        reason: 'The secret cannot be read: the key it was encrypted with is another. Set it anew',
      }
    }
    return send({ url: webhook.url, delivery: id, body, secret }, this.rules, this.platform.clock.now(), signal)
  }

  private async writeDown(tx: Tx, open: store.OpenDelivery, attempt: Attempt): Promise<void> {
    const next = afterAttempt(attempt, open.attempts, Math.random())
    const answer = attempt.kind === 'answered' ? attempt : null
    if (next.kind === 'delivered') return this.end(tx, open.id, 'delivered', answer, null)
    if (next.kind === 'failed') {
      this.platform.log.warn(
        { webhook: open.webhook.id, delivery: open.id, reason: next.reason },
        'a webhook was not told',
      )
      return this.end(tx, open.id, 'failed', answer, next.reason)
    }
    await this.end(tx, open.id, 'waiting', answer, next.reason)
    await this.queue(tx, open.id, next.afterSeconds)
  }

  private async end(
    tx: Tx,
    id: string,
    state: 'waiting' | 'delivered' | 'failed' | 'dropped',
    answer: { readonly status: number; readonly body: string } | null,
    problem: string | null,
  ): Promise<void> {
    const response = answer?.body.slice(0, KEPT_RESPONSE) ?? null
    const status = answer?.status ?? null
    await store.endAttempt(tx, id, { state, status, problem, response, at: this.platform.clock.now() })
  }
}
