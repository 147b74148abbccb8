import { hash } from 'node:crypto'
import {
  answersUnlogged,
  type Confirmation,
  EndpointSnapshot,
  type EndpointSnapshot as EndpointSnapshotType,
  type RuntimeMismatch,
  Snapshot,
  type UnloggedAnswers,
} from '@tidemark/contracts'
import {
  type HttpServer,
  inTransaction,
  type Platform,
  type Queryable,
  systemActor,
  type Tx,
} from '../../platform/index.ts'
import { isConfirmed, isLive } from './decide.ts'
import { internalRoutes } from './routes.ts'
import * as store from './store.ts'
import { type GatewayState, LEASE_SECONDS, type LoadFailure } from './types.ts'

/** The internal token has no end of its own. */
const FAR = '9999-01-01T00:00:00Z'

/** A day without a word: nobody looks for such a gateway any more. */
const FORGET_MS = 24 * 60 * 60_000

/** Who may ask gateways for predictions, and the channel of PostgreSQL that tells of changes. */
export interface Access {
  readonly channel: string
  tokens(): Promise<
    readonly {
      readonly hash: string
      readonly workspace: string
      readonly endpoints: readonly string[] | null
      readonly expiresAt: Date
    }[]
  >
}

/**
 * What the gateways serve by, and what they confirmed. Gateways have no database connection: they ask for snapshots, each with the number of
 * its change, and say by which one they serve. A change of routing is done when all live gateways confirmed it.
 */
export class Gateways {
  private readonly platform: Platform
  private readonly waiting = new Set<() => void>()
  private access: Access | undefined
  private toldTokens = ''
  private decideMismatch: (mismatch: RuntimeMismatch) => Promise<void> = async () => {}
  private readonly listeners = new Set<(confirmation: Confirmation) => void>()

  constructor(platform: Platform) {
    this.platform = platform
    platform.live.listen(store.CHANNEL, () => this.wake())
    // Gateways go on counting: they are other processes, and only a later snapshot makes them forget what they serve.
    platform.resets.keep('gateway', 'gateway_configuration')
    platform.resets.onReset(store.nextVersion)
  }

  /** Has gateways ask who asks them: from now on each snapshot says which tokens may. */
  guard(access: Access): void {
    this.access = access
    this.platform.live.listen(access.channel, () => {
      this.tellTokens(access).catch((error) =>
        this.platform.log.error({ err: error }, 'gateways could not be told of tokens'),
      )
    })
  }

  /** Which tokens may ask now, the server's own among them: it asks by hand for people. undefined: everybody may. */
  private async accessNow(): Promise<Snapshot['access']> {
    if (!this.access) return undefined
    const own = {
      hash: hash('sha256', this.platform.config.internalToken, 'hex'),
      workspace: '*',
      endpoints: null,
      expiresAt: FAR,
    }
    const tokens = (await this.access.tokens()).map(({ hash, workspace, endpoints, expiresAt }) => ({
      hash,
      workspace,
      endpoints: endpoints && [...endpoints],
      expiresAt: expiresAt.toISOString(),
    }))
    return { tokens: [own, ...tokens] }
  }

  /** A new snapshot when other tokens may ask than by the last one. */
  private async tellTokens(access: Access): Promise<void> {
    const tokens = JSON.stringify(await access.tokens())
    if (tokens === this.toldTokens) return
    this.toldTokens = tokens
    await inTransaction(this.platform.db, (tx) => store.nextVersion(tx))
  }

  /** Sets what an endpoint serves, in the caller's transaction. @returns version of the snapshot that has it. */
  async publish(tx: Tx, endpoint: EndpointSnapshotType): Promise<number> {
    const parsed = EndpointSnapshot.parse(endpoint)
    const version = await store.nextVersion(tx)
    await store.saveEndpoint(tx, parsed, version)
    return version
  }

  /** Ends an endpoint, in the caller's transaction. @returns version of the snapshot without it. */
  async remove(tx: Tx, workspace: string, name: string): Promise<number> {
    const version = await store.nextVersion(tx)
    await store.deleteEndpoint(tx, workspace, name)
    return version
  }

  /** Number of the last published change. */
  version(): Promise<number> {
    return store.currentVersion(this.platform.db)
  }

  /** What an endpoint serves by the last published change; null when it serves nothing. `db`: the caller's transaction, where there is one. */
  published(workspace: string, name: string, db: Queryable = this.platform.db): Promise<EndpointSnapshotType | null> {
    return store.endpointSnapshot(db, workspace, name)
  }

  /** Whether every gateway that may still serve does so by this version or a later one. */
  async confirmed(version: number): Promise<boolean> {
    return isConfirmed(await this.states(), version)
  }

  /** Model versions that live gateways could not load under this snapshot version or a later one. */
  async failures(version: number): Promise<LoadFailure[]> {
    const gateways = await this.states()
    return gateways
      .filter((gateway) => gateway.live && (gateway.confirmedVersion ?? -1) >= version)
      .flatMap((gateway) => gateway.failed.map((failure) => ({ gateway: gateway.id, ...failure })))
  }

  /** Every gateway that ever came and did not say goodbye. */
  async states(): Promise<GatewayState[]> {
    const now = this.platform.clock.now()
    const rows = await store.listGateways(this.platform.db)
    return rows.map((row) => ({ ...row, live: isLive(row.lastSeen, now) }))
  }

  /** Calls back after each confirmation that this server took. @returns function that ends it. */
  onConfirmation(listener: (confirmation: Confirmation) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  async snapshot(): Promise<Snapshot> {
    const { version, issuedAt, endSegmentsBefore, endpoints } = await store.currentConfiguration(this.platform.db)
    const access = await this.accessNow()
    const snapshot = Snapshot.parse({
      format: 1,
      version,
      issuedAt: issuedAt.toISOString(),
      leaseSeconds: LEASE_SECONDS,
      ...(endSegmentsBefore ? { endSegmentsBefore: endSegmentsBefore.toISOString() } : {}),
      endpoints,
      ...(access ? { access } : {}),
    })
    return snapshot.endpoints.some(hashes) ? { ...snapshot, logKey: this.logKey() } : snapshot
  }

  /**
   * The snapshot when it is another than the one a gateway has, at once or within `waitSeconds`; else null. Also an older one is another: a
   * restored database's word counts.
   */
  async changedSnapshot(
    gateway: string,
    has: number,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<Snapshot | null> {
    const { db, clock } = this.platform
    const change = this.nextChange(waitSeconds, signal)
    try {
      await store.touchGateway(db, gateway, clock.now())
      if ((await store.currentVersion(db)) === has) await change.happened
      if (signal.aborted) return null
      await store.touchGateway(db, gateway, clock.now())
      const snapshot = await this.snapshot()
      return snapshot.version === has ? null : snapshot
    } finally {
      change.cancel()
    }
  }

  /** Key by which the log's hashes are made, hex. */
  logKey(): string {
    return this.platform.secrets.derive('prediction log')
  }

  /** Has the gateways end the segments that they are writing, so that their content can be read to its end; in the caller's transaction. */
  endSegments(tx: Tx): Promise<void> {
    return store.endSegments(tx, this.platform.clock.now())
  }

  /** Notes that a gateway answered without a record: an event for everybody who watches, and an error in the log. */
  async unlogged({ gateway, workspace, endpoint, answers, reason }: UnloggedAnswers): Promise<void> {
    const { db, events, log } = this.platform
    log.error({ gateway, workspace, endpoint, answers, reason }, 'answers left a gateway without a record')
    await inTransaction(db, (tx) =>
      events.append(tx, systemActor('gateway', workspace), answersUnlogged, { endpoint, gateway, answers, reason }),
    )
  }

  async confirm(confirmation: Confirmation): Promise<void> {
    const { db, clock } = this.platform
    const now = clock.now()
    await store.saveConfirmation(db, confirmation, now)
    await store.forgetGateways(db, new Date(now.getTime() - FORGET_MS))
    for (const failure of confirmation.failed) {
      this.platform.log.warn({ gateway: confirmation.gateway, ...failure }, 'a gateway could not load a model version')
    }
    for (const listener of this.listeners) listener(confirmation)
    this.platform.live.changed('gateway', confirmation.gateway)
  }

  /** Has what a gateway found told to whoever decides where versions run. */
  onMismatch(decide: (mismatch: RuntimeMismatch) => Promise<void>): void {
    this.decideMismatch = decide
  }

  /** Takes a gateway's word that a version answers otherwise in Python; it says so again until this returns. */
  async mismatch(mismatch: RuntimeMismatch): Promise<void> {
    await this.decideMismatch(mismatch)
  }

  /** A gateway that stops routes nothing any more: a change need not wait for it. */
  async goodbye(gateway: string): Promise<void> {
    await store.deleteGateway(this.platform.db, gateway)
  }

  routes(app: HttpServer): void {
    internalRoutes(app, this.platform, this)
  }

  /** Answers the gateways that wait, so that a stopping server need not cut them off. */
  stop(): void {
    this.wake()
  }

  private wake(): void {
    for (const resolve of [...this.waiting]) resolve()
  }

  /** Starts to watch before the caller reads the version, so that no change falls between. */
  private nextChange(waitSeconds: number, signal: AbortSignal): { happened: Promise<void>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, waitSeconds * 1000)
    this.waiting.add(resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    return {
      happened: promise,
      cancel: () => {
        clearTimeout(timer)
        this.waiting.delete(resolve)
      },
    }
  }
}

function hashes({ logging }: EndpointSnapshotType): boolean {
  return logging !== undefined && (logging.caller === 'hash' || Object.values(logging.sensitive).includes('hash'))
}
