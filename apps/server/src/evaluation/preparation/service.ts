import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { VersionRuntime } from '@tidemark/contracts'
import { type Actor, inTransaction, isConnectionLoss, type Platform } from '../../platform/index.ts'
import { actorOf } from '../asker.ts'
import type { Explanations } from '../explaining/service.ts'
import { sampleOf } from '../runtime/sample.ts'
import type { VersionRuntimes } from '../runtime/service.ts'
import type { VersionKey } from '../runtime/store.ts'
import type { EvaluationPorts } from '../types.ts'
import * as store from './store.ts'

/** After so many starts a preparation is given up: then it is what ends its server, or its environment that cannot be built. */
const MOST_ATTEMPTS = 3
/** What registers a candidate has its gates run next, and these decide the same runtime: they must not stand behind its preparation. */
const GRACE_MILLISECONDS = 3000
const LOOK_MILLISECONDS = 2000

/**
 * What is done with a version once it is registered, off any request: its runtime is decided, its columns are measured. One after the other, and
 * beside evaluations: a preparation that has to build a large environment holds up no gate.
 */
export class Preparations {
  private readonly platform: Platform
  private readonly ports: EvaluationPorts
  private readonly runtimes: VersionRuntimes
  private readonly explanations: Explanations
  private running: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  constructor(platform: Platform, ports: EvaluationPorts, runtimes: VersionRuntimes, explanations: Explanations) {
    this.platform = platform
    this.ports = ports
    this.runtimes = runtimes
    this.explanations = explanations
  }

  start(): void {
    this.timer = setInterval(() => this.soon(), LOOK_MILLISECONDS)
  }

  async stop(): Promise<void> {
    this.stopped = true
    clearInterval(this.timer)
    await this.running
  }

  /** Has a version wait for its preparation, unless there is nothing to prepare it with. */
  async request(actor: Actor, { model, version }: { model: string; version: number }): Promise<void> {
    const { db, clock } = this.platform
    const { workspace } = actor
    const found = await this.ports.registry.version(db, workspace, model, version)
    if (!found?.flavors.includes('python_function')) return
    const key = { workspace, model, version }
    if (!found.signature && !(await this.takesTensors(key))) return
    if (!(await this.hasRows(key))) return
    const asked = {
      ...key,
      state: 'waiting' as const,
      problem: null,
      cause: actor.causes[0] ?? null,
      correlation: actor.correlation,
      actorKind: actor.kind,
      actorId: actor.id,
      attempts: 0,
    }
    await inTransaction(db, (tx) => store.insertPreparation(tx, asked, clock.now()))
  }

  private soon(): void {
    this.running ??= this.runAll()
      .catch((error: unknown) => this.platform.log.warn({ err: error }, 'preparations of versions pause'))
      .finally(() => {
        this.running = undefined
      })
  }

  private async runAll(): Promise<void> {
    while (!this.stopped && (await this.runNext()));
  }

  /** Prepares the version that has waited longest. @returns false when none waits */
  private async runNext(): Promise<boolean> {
    const { db, clock, config, log, live } = this.platform
    const next = await store.takeNext(db, new Date(clock.now().getTime() - GRACE_MILLISECONDS))
    if (!next) return false
    const { workspace, model, version } = next
    const folder = join(config.dataDir, 'work', 'preparations', `${workspace}-${encodeURIComponent(model)}-${version}`)
    try {
      if (next.attempts <= MOST_ATTEMPTS) await this.prepare(actorOf(next), next, folder)
      const problem = next.attempts > MOST_ATTEMPTS ? `The server ended ${MOST_ATTEMPTS} times while at it.` : null
      await store.finish(db, next, problem, clock.now())
    } catch (error) {
      if (isConnectionLoss(error)) throw error
      log.warn({ err: error, model, version }, 'a version could not be prepared')
      const problem = error instanceof Error ? error.message : String(error)
      if (next.attempts >= MOST_ATTEMPTS) await store.finish(db, next, problem.slice(0, 1000), clock.now())
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    live.changed('model-version', `${model}/${version}`)
    return true
  }

  /** How far a version's preparation is. */
  async stateOf(key: VersionKey): Promise<Pick<VersionRuntime, 'preparation' | 'problem'>> {
    const found = await store.preparationOf(this.platform.db, key)
    return { preparation: found?.state ?? 'unprepared', problem: found?.problem ?? null }
  }

  private async prepare(actor: Actor, key: VersionKey, folder: string): Promise<void> {
    const { db } = this.platform
    // It may have been deleted while it waited.
    const found = await this.ports.registry.version(db, key.workspace, key.model, key.version)
    if (!found) return
    await this.runtimes.decide(actor, key, await sampleOf(this.platform, this.ports, key), folder)
    // What is measured is columns.
    if (found.signature) await this.explanations.measure(key)
  }

  private async takesTensors({ workspace, model, version }: VersionKey): Promise<boolean> {
    const found = await this.ports.registry.inputOf(this.platform.db, workspace, model, version)
    return found?.kind === 'model' && found.input.kind === 'tensors'
  }

  private async hasRows(key: VersionKey): Promise<boolean> {
    const files = await this.ports.registry.versionFiles(this.platform.db, key.workspace, key.model, key.version)
    return (
      files.some(({ path }) => path === 'input_example.json') ||
      (await sampleOf(this.platform, this.ports, key)) !== null
    )
  }
}
