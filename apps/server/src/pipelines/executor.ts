import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StepDefinition, uuidv7 } from '@tidemark/contracts'
import { environmentState, WorkerError } from '@tidemark/workers'
import { type Blob, inTransaction, isConnectionLoss, type Platform } from '../platform/index.ts'
import { parametersOf, seedOf } from './cache.ts'
import type { StepLog, StepLogs } from './log.ts'
import * as stepStore from './stepStore.ts'
import type { AttemptOutcome, Attempts, PipelinePorts, StoredRun, StoredStep, StoredVersion } from './types.ts'
import { collectOutputs, layOut, OutputRefused } from './workspace.ts'

const HEARTBEAT_MILLISECONDS = 5_000
/** An attempt whose server is silent for so long is lost. */
export const LEASE_MILLISECONDS = 20_000
const STORE_AGAIN_MILLISECONDS = 250
// A step's token outlives its time limit by the time it may wait for its turn.
const TOKEN_SPARE_MILLISECONDS = 3_600_000
const STEP_MEMORY_BYTES = 4 * 1024 ** 3
// execve takes at most 128 KiB a variable; a longer patch is in the blob store, by the digest that the version has.
const LONGEST_PATCH_BYTES = 100_000

export interface StepWork {
  readonly run: StoredRun
  readonly version: StoredVersion
  readonly definition: StepDefinition
  /** All steps of the run, for the outputs that this one reads. */
  readonly steps: readonly StoredStep[]
  readonly attempts: Attempts
}

interface Active {
  readonly stop: AbortController
}

/** Runs steps in Python workers and writes down how each attempt ended. What that means is the reconciler's to decide. */
export class Executor {
  /** Names this server process in the leases of its steps. */
  readonly owner = uuidv7()
  private readonly platform: Platform
  private readonly ports: PipelinePorts
  private readonly logs: StepLogs
  private readonly active = new Map<string, Active>()
  private readonly endings = new Set<Promise<void>>()
  private heartbeat: NodeJS.Timeout | undefined
  private closing = false

  constructor(platform: Platform, ports: PipelinePorts, logs: StepLogs) {
    this.platform = platform
    this.ports = ports
    this.logs = logs
  }

  get workRoot(): string {
    return this.platform.python.workFolder('pipelines')
  }

  isActive(run: string, step: string): boolean {
    return this.active.has(`${run}/${step}`)
  }

  /** Takes the step on, before the transaction that says so commits: nobody may see it running and nobody's. */
  reserve(run: string, step: string): void {
    this.active.set(`${run}/${step}`, { stop: new AbortController() })
  }

  /** Gives it back, because that transaction failed. */
  release(run: string, step: string): void {
    this.active.delete(`${run}/${step}`)
  }

  /** Starts a reserved step. */
  launch(work: StepWork): void {
    const key = `${work.run.run}/${work.definition.name}`
    const active = this.active.get(key)
    if (!active) return
    this.heartbeat ??= setInterval(() => void this.renew(), HEARTBEAT_MILLISECONDS).unref()
    const ending = this.attempt(work, active.stop.signal)
      .then((outcome) => this.record(work, outcome))
      .catch((error: unknown) =>
        this.platform.log.error({ err: error, step: key }, 'an attempt could not be written down'),
      )
      .finally(() => {
        this.active.delete(key)
        this.endings.delete(ending)
      })
    this.endings.add(ending)
  }

  /** Tells a step's process to end; its outcome follows. */
  stop(run: string, step: string): void {
    this.active.get(`${run}/${step}`)?.stop.abort()
  }

  /** Tells all steps to end: their runs are gone. */
  abandon(): void {
    for (const { stop } of this.active.values()) stop.abort()
  }

  /** Leaves running steps to the next server: their processes end with this one, and their leases are not renewed. */
  async close(): Promise<void> {
    this.closing = true
    clearInterval(this.heartbeat)
    for (const { stop } of this.active.values()) stop.abort()
    await Promise.allSettled([...this.endings])
  }

  private async renew(): Promise<void> {
    if (this.active.size === 0) return
    const until = new Date(Date.now() + LEASE_MILLISECONDS)
    // PostgreSQL may be restarting; this server knows its own steps without leases.
    await stepStore.renewLeases(this.platform.db, this.owner, until).catch(() => {})
  }

  private async attempt(work: StepWork, signal: AbortSignal): Promise<AttemptOutcome & { written?: readonly Blob[] }> {
    const { run, definition, attempts } = work
    const topic = () => this.platform.live.changed('pipeline-run', run.run)
    const log = await this.logs.append(run.run, definition.name, topic)
    const number = attempts.failures + attempts.losses + 1
    if (number > 1) log.line(`--- Try ${number} ---`)
    try {
      return await this.perform(work, signal, log)
    } catch (error) {
      const outcome = outcomeOfError(error)
      if (error instanceof WorkerError && error.traceback) log.line(error.traceback.trimEnd())
      else if (outcome.kind !== 'stopped') log.line(outcome.kind === 'result' ? '' : outcome.reason)
      return outcome
    } finally {
      await log.flush()
    }
  }

  private async perform(
    work: StepWork,
    signal: AbortSignal,
    log: StepLog,
  ): Promise<AttemptOutcome & { written?: readonly Blob[] }> {
    const { run, version, definition } = work
    const { blobs, python } = this.platform
    const folders = await layOut(this.workRoot, blobs, this.ports.datasets, work)
    const lock = blobs.path(version.lockDigest)
    if (environmentState(lock).kind !== 'ready')
      log.line('Building the Python environment, which this lock needs once.')
    const pool = await python.pool(lock)
    const result = await pool.run(
      {
        kind: 'run_step',
        codeDir: folders.codeDir,
        entry: definition.entry,
        workDir: folders.workDir,
        inputs: folders.inputs,
        parameters: parametersOf(run, definition),
        seed: seedOf(run),
        env: await this.variables(run, version, definition),
        limits: { memoryBytes: STEP_MEMORY_BYTES },
      },
      { onLog: ({ line }) => log.line(line), signal, timeoutSeconds: definition.timeoutSeconds },
    )
    const { outputs, written } = await collectOutputs(blobs, folders.workDir, definition.outputs, result.outputs)
    return { kind: 'result', outputs, values: result.values, written }
  }

  /** What a step knows of where it runs. Beside these it has a minimal environment: no address or token of the platform itself. */
  private async variables(
    run: StoredRun,
    version: StoredVersion,
    definition: StepDefinition,
  ): Promise<Record<string, string>> {
    const url = await this.ports.serverUrl
    const expires = new Date(Date.now() + definition.timeoutSeconds * 1000 + TOKEN_SPARE_MILLISECONDS)
    const token = this.ports.issueRunToken({ id: run.run, workspace: run.workspace }, expires)
    const patch = version.gitPatch === null ? '' : await readFile(this.platform.blobs.path(version.gitPatch), 'utf8')
    return {
      TIDEMARK_URL: url,
      TIDEMARK_TOKEN: token,
      MLFLOW_TRACKING_URI: url,
      MLFLOW_TRACKING_TOKEN: token,
      ...(run.mlflowRun === null ? {} : { MLFLOW_RUN_ID: run.mlflowRun }),
      TIDEMARK_PIPELINE_RUN: run.run,
      TIDEMARK_DATASET_VERSION: run.datasets.map((pin) => `${pin.dataset}/${pin.version}`).join(','),
      TIDEMARK_GIT_COMMIT: version.gitCommit ?? '',
      TIDEMARK_GIT_PATCH: Buffer.byteLength(patch) > LONGEST_PATCH_BYTES ? (version.gitPatch ?? '') : patch,
      TIDEMARK_LOCK_HASH: version.lockDigest,
      TIDEMARK_SEED: String(seedOf(run)),
    }
  }

  /** Writes an attempt's end down, also when PostgreSQL is away for a while: the work is done and must not be lost. */
  private async record(work: StepWork, ended: AttemptOutcome & { written?: readonly Blob[] }): Promise<void> {
    const { run, definition, attempts } = work
    const { written = [], ...outcome } = ended
    const place = {
      workspace: run.workspace,
      run: run.run,
      step: definition.name,
      owner: this.owner,
      attempt: attempts.failures + attempts.losses + 1,
    }
    while (!this.closing) {
      try {
        await inTransaction(this.platform.db, async (tx) => {
          for (const blob of written) await this.platform.blobs.grant(tx, run.workspace, blob)
          await stepStore.saveOutcome(tx, place, { kind: 'attempted', outcome, ...attempts })
          await this.platform.jobs.add(
            tx,
            'pipelines.reconcile',
            { workspace: run.workspace, run: run.run },
            { key: `pipeline:${run.run}` },
          )
        })
        return
      } catch (error) {
        if (!isConnectionLoss(error)) throw error
        await sleep(STORE_AGAIN_MILLISECONDS)
      }
    }
  }
}

function outcomeOfError(error: unknown): AttemptOutcome {
  if (error instanceof OutputRefused) return { kind: 'error', reason: error.message }
  if (error instanceof WorkerError) {
    switch (error.code) {
      case 'TASK_CANCELLED':
        return { kind: 'stopped' }
      case 'TASK_KILLED':
      case 'WORKER_DIED':
      case 'POOL_CLOSED':
        return { kind: 'lost', reason: error.message }
      default:
        return { kind: 'error', reason: error.message }
    }
  }
  const reason = error instanceof Error ? error.message : String(error)
  return isConnectionLoss(error) ? { kind: 'lost', reason } : { kind: 'error', reason }
}
