import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Snapshot, type Variant } from '@tidemark/contracts'
import { isLeased } from '../routing/decide.ts'
import type { Models } from '../runtimes/models.ts'
import type { Log } from '../telemetry.ts'
import { type BlobCache, writeAtomically } from './blobs.ts'
import { ServerAway, type ServerLink } from './server.ts'
import { arrange, type Loaded, NOTHING, type Serving, variantsOf, variantsServed } from './serving.ts'

export interface FollowerParts {
  readonly server: ServerLink
  readonly models: Models
  readonly blobs: BlobCache
  /** Where the last good snapshot is kept. */
  readonly file: string
  readonly log: Log
  readonly onSwitch: (serving: Serving) => void
  /** Pause between two tries to load a version that failed. */
  readonly retryMs?: number
}

/** Longest that the first switch after a start waits for all of its versions. */
const EARLY_MS = 1000
const STILL_LOADING: Loaded = { kind: 'unreachable', reason: 'It still loads.' }

/**
 * Follows the server's snapshots: asks without end, loads what a new one needs, keeps it on the disk, switches at once for all endpoints, confirms.
 * While the server is away the last good one stays in force, without what needs a lease.
 */
export class SnapshotFollower {
  private readonly parts: FollowerParts
  private readonly stopping = new AbortController()
  private current: Serving = NOTHING
  private newest: Snapshot | undefined
  private lastHeardMs: number | null = null
  /** After the lease ran out: the snapshot that the server had when it was heard again; null when it is in force. */
  private awaited: number | null = null
  private changed = Promise.withResolvers<void>()
  private away = false
  private running: Promise<unknown> = Promise.resolve()

  constructor(parts: FollowerParts) {
    this.parts = parts
  }

  get serving(): Serving {
    return this.current
  }

  /**
   * Whether the server was heard within the lease: without it champions answer alone. One that ran out, or that a start has not got yet, comes with the
   * snapshot which the server has by then: what was kept may have been rolled back meanwhile, and its versions on trial answer nobody while the new ones load.
   */
  get leased(): boolean {
    return this.awaited === null && isLeased(this.lastHeardMs, performance.now(), this.current.leaseSeconds)
  }

  /** Seconds since the server was last heard; null when never. */
  get silenceSeconds(): number | null {
    return this.lastHeardMs === null ? null : (performance.now() - this.lastHeardMs) / 1000
  }

  /** Begins with the snapshot on the disk, if one is there, and follows the server. */
  start(): void {
    this.running = this.readKept().then(() => Promise.all([this.listen(), this.apply()]))
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.changed.resolve()
    await this.running
  }

  private async readKept(): Promise<void> {
    const text = await readFile(this.parts.file, 'utf8').catch(() => null)
    if (text === null) return
    try {
      this.newest = Snapshot.parse(JSON.parse(text))
      this.changed.resolve()
    } catch (error) {
      this.parts.log.warn({ err: error }, 'the kept snapshot is not readable, waiting for the server')
    }
  }

  private async listen(): Promise<void> {
    const { server, log } = this.parts
    let pauseMs = 100
    while (!this.stopping.signal.aborted) {
      try {
        const snapshot = await server.nextSnapshot(this.newest?.version ?? -1, this.stopping.signal)
        this.heard(snapshot ?? this.newest)
        pauseMs = 100
        if (this.away) log.info('the server is back')
        this.away = false
        if (snapshot) {
          this.newest = snapshot
          this.changed.resolve()
        }
      } catch (error) {
        if (this.stopping.signal.aborted) return
        if (!(error instanceof ServerAway)) throw error
        if (!this.away) log.warn({ reason: error.message }, 'the server is away, serving by the last snapshot')
        this.away = true
        await this.pause(pauseMs)
        pauseMs = Math.min(pauseMs * 2, 2000)
      }
    }
  }

  private heard(newest: Snapshot | undefined): void {
    const leased = this.leased
    this.lastHeardMs = performance.now()
    if (!leased && newest && newest.version !== this.current.version) this.awaited = newest.version
  }

  private async apply(): Promise<void> {
    const { log, retryMs = 30_000 } = this.parts
    while (!this.stopping.signal.aborted) {
      await this.changed.promise
      this.changed = Promise.withResolvers<void>()
      const snapshot = this.newest
      if (!snapshot || this.stopping.signal.aborted) continue
      try {
        const whole = await this.switchTo(snapshot)
        if (!whole) void this.pause(retryMs).then(() => this.changed.resolve())
      } catch (error) {
        if (this.stopping.signal.aborted) return
        if (error instanceof ServerAway)
          log.debug({ reason: error.message }, 'files or confirmation wait for the server')
        else log.error({ err: error, version: snapshot.version }, 'a snapshot could not be applied')
        void this.pause(1000).then(() => this.changed.resolve())
      }
    }
  }

  /** @returns false when something could not be loaded and should be tried again. */
  private async switchTo(snapshot: Snapshot): Promise<boolean> {
    const { blobs, server, log } = this.parts
    const { signal } = this.stopping
    const newer = this.changed.promise
    const variants = snapshot.endpoints.flatMap(variantsOf)
    const loaded = new Map<Variant, Loaded>()
    const soFar = () => arrange(snapshot, this.current, (variant) => loaded.get(variant) ?? STILL_LOADING)
    const loading = Promise.all(variants.map(async (variant) => loaded.set(variant, await this.load(variant))))
    // After a start, endpoints that are ready do not wait for one whose environment is being built.
    const early = setTimeout(() => {
      if (this.current === NOTHING) this.put(soFar(), variants)
    }, EARLY_MS)
    // A rollback must not wait for a candidate of the snapshot before it that takes its time.
    const superseded = await Promise.race([loading.then(() => false), newer.then(() => true)])
    clearTimeout(early)
    if (superseded || signal.aborted) return true
    const serving = soFar()
    const unreachable = [...loaded.values()].find((result) => result.kind === 'unreachable')
    if (unreachable) {
      // After a start without the server: some endpoints are better than none. Else the last good snapshot stays, also on the disk.
      if (this.current === NOTHING) this.put(serving, variants)
      throw new ServerAway(unreachable.reason)
    }
    this.put(serving, [])
    const kept = await this.keep(snapshot)
    log.info(
      { version: snapshot.version, endpoints: serving.endpoints.size, failed: serving.failed },
      'snapshot in force',
    )
    await server.confirm({ version: serving.version, failed: [...serving.failed] }, signal)
    if (kept) await blobs.keepOnly(new Set([...variants, ...variantsServed(serving)].flatMap(digestsOf)))
    return serving.failed.length === 0
  }

  /** Switches; `loading` are versions that it may need soon. */
  private put(serving: Serving, loading: readonly Variant[]): void {
    this.current = serving
    if (serving.version === this.awaited) this.awaited = null
    this.parts.onSwitch(serving)
    this.parts.models.keepOnly([...variantsServed(serving), ...loading])
  }

  /** Keeps the snapshot for a start without the server. A full disk must not hold up a rollback: then the one before stays on it. */
  private async keep(snapshot: Snapshot): Promise<boolean> {
    try {
      await writeAtomically(this.parts.file, JSON.stringify(snapshot))
      return true
    } catch (error) {
      this.parts.log.error({ err: error, version: snapshot.version }, 'a snapshot could not be kept on the disk')
      return false
    }
  }

  private async load(variant: Variant): Promise<Loaded> {
    try {
      return { kind: 'loaded', version: await this.parts.models.get(variant) }
    } catch (error) {
      const reason = error instanceof Error ? error.message.slice(0, 1000) : String(error)
      return { kind: error instanceof ServerAway ? 'unreachable' : 'failed', reason }
    }
  }

  /** Also ends when the follower stops. */
  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => {})
  }
}

function digestsOf({ runtime }: Variant): string[] {
  if (runtime.kind === 'python') return [runtime.lockDigest, ...runtime.files.map((file) => file.digest)]
  // Its form in Python is fetched when it is first needed, and then kept as long.
  return [runtime.model, ...(runtime.python ? digestsOf({ version: '', runtime: runtime.python }) : [])]
}
