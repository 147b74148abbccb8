import pg from 'pg'
import type { Log } from './telemetry.ts'

/** What changed, for pages that are open: never the data itself, which a page reads by the API. */
export type LiveChange =
  | { readonly kind: 'event'; readonly position: number; readonly workspace: string }
  | { readonly kind: 'changed'; readonly topic: string; readonly id: string }

/**
 * The live feed. Committed events arrive by LISTEN, so that those of any process are seen; changes too frequent to be events (a metric, a line
 * of a log, a rollout's evidence) are published in process, at most once per topic and thing in 250 ms.
 */
export class Live {
  private readonly listeners = new Set<(change: LiveChange) => void>()
  private readonly channels = new Map<string, Set<() => void>>()
  private readonly waiting = new Map<string, LiveChange>()
  private client: pg.Client | undefined
  private stopped = false
  private timer: NodeJS.Timeout | undefined
  private readonly url: string
  private readonly log: Log

  constructor(url: string, log: Log) {
    this.url = url
    this.log = log
  }

  async start(): Promise<void> {
    const client = new pg.Client({ connectionString: this.url, application_name: 'tidemark-live' })
    client.on('notification', (message) => {
      if (message.channel === 'tidemark_event') {
        const [position, workspace = ''] = (message.payload ?? '').split(' ')
        this.emit({ kind: 'event', position: Number(position), workspace })
      } else for (const changed of this.channels.get(message.channel) ?? []) changed()
    })
    const again = () => {
      if (this.client !== client || this.stopped) return
      this.client = undefined
      setTimeout(() => this.start().catch(() => again()), 500).unref()
    }
    client.on('error', again)
    client.on('end', again)
    this.client = client
    try {
      await client.connect()
      await client.query('listen tidemark_event')
      for (const [channel, listeners] of this.channels) {
        await client.query(`listen ${client.escapeIdentifier(channel)}`)
        // What happened while nobody listened is not told again.
        for (const changed of listeners) changed()
      }
    } catch (error) {
      this.log.warn({ err: error }, 'live feed lost PostgreSQL, connecting again')
      again()
    }
  }

  async stop(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    await this.client?.end().catch(() => {})
  }

  /** Hears a module's own channel of NOTIFY, on the connection of the live feed. Call it before `start`; `changed` says only that something did. */
  listen(channel: string, changed: () => void): void {
    this.channels.set(channel, (this.channels.get(channel) ?? new Set()).add(changed))
  }

  subscribe(listener: (change: LiveChange) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Says that a thing changed; `topic` is the UI's query key, as in `run`, `pipeline-run`, `rollout`. */
  changed(topic: string, id: string): void {
    if (this.listeners.size === 0) return
    this.waiting.set(`${topic}:${id}`, { kind: 'changed', topic, id })
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      for (const change of this.waiting.values()) this.emit(change)
      this.waiting.clear()
    }, 250)
  }

  private emit(change: LiveChange): void {
    for (const listener of this.listeners) listener(change)
  }
}
