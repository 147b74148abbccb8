import { ModelVersionRef, pipelineFailed, pipelineSucceeded } from '@tidemark/contracts'
import { inTransaction, type Platform, systemActor, type Tx } from '../platform/index.ts'
import { cacheKeyOf, cachePartsOf, resolveInputs } from './cache.ts'
import { decide, explainMiss, type RunDecision, type StepAction } from './decide.ts'
import { type Executor, LEASE_MILLISECONDS, type StepWork } from './executor.ts'
import * as stepStore from './stepStore.ts'
import * as store from './store.ts'
import type { CacheParts, ResolvedInput, StepView, StoredRun, StoredStep, StoredVersion } from './types.ts'

/** A step with what decides its result, once that is known. */
interface Loaded {
  readonly stored: StoredStep
  readonly view: StepView
  readonly keyed: { inputs: Record<string, ResolvedInput>; parts: CacheParts; key: string } | null
}

/** Moves a run on: load → decide → write once → act. Safe to run at any time, as often as one likes. */
export class Reconciler {
  private readonly platform: Platform
  private readonly executor: Executor

  constructor(platform: Platform, executor: Executor) {
    this.platform = platform
    this.executor = executor
  }

  async reconcile(workspace: string, id: string): Promise<void> {
    const reserved: string[] = []
    let effects: { launch: StepWork[]; stop: string[] }
    try {
      effects = await inTransaction(this.platform.db, (tx) => this.turn(tx, workspace, id, reserved))
    } catch (error) {
      for (const step of reserved) this.executor.release(id, step)
      throw error
    }
    for (const work of effects.launch) this.executor.launch(work)
    for (const step of effects.stop) this.executor.stop(id, step)
    this.platform.live.changed('pipeline-run', id)
  }

  private async turn(
    tx: Tx,
    workspace: string,
    id: string,
    reserved: string[],
  ): Promise<{ launch: StepWork[]; stop: string[] }> {
    const launch: StepWork[] = []
    const stop: string[] = []
    const run = await store.lockRun(tx, workspace, id)
    const version = run && (await store.findVersion(tx, workspace, run.pipeline, run.version))
    if (!run || !version || run.endedAt) return { launch, stop }
    const stored = new Map((await stepStore.stepsOf(tx, workspace, id)).map((step) => [step.step, step]))
    for (;;) {
      const now = this.platform.clock.now()
      const loaded = await this.load(tx, run, version, stored, now)
      const decision = decide(
        run.status,
        loaded.map(({ view }) => view),
        now,
      )
      for (const action of decision.actions) {
        const before = loaded.find(({ stored: { step } }) => step === action.step)
        const definition = version.definition.steps.find(({ name }) => name === action.step)
        if (!before || !definition) continue
        if (action.kind === 'stop') {
          stop.push(action.step)
          continue
        }
        const current = { ...before, stored: stored.get(action.step) ?? before.stored }
        const after = await this.apply(tx, run, definition.cache, current, action, now)
        stored.set(action.step, after)
        await stepStore.saveStep(tx, workspace, id, after)
        if (action.kind === 'succeed' && definition.cache) await stepStore.saveResult(tx, workspace, id, after)
        if (action.kind === 'start') {
          this.executor.reserve(id, action.step)
          reserved.push(action.step)
          const { failures, losses } = action
          launch.push({ run, version, definition, steps: [...stored.values()], attempts: { failures, losses } })
        }
      }
      // What is done now may let others start at once.
      if (decision.actions.some(({ kind }) => kind === 'succeed' || kind === 'reuse')) continue
      await this.after(tx, run, stored, decision, launch.length > 0, now)
      return { launch, stop }
    }
  }

  private async load(
    tx: Tx,
    run: StoredRun,
    version: StoredVersion,
    stored: ReadonlyMap<string, StoredStep>,
    now: Date,
  ): Promise<Loaded[]> {
    const steps = [...stored.values()]
    const loaded: Loaded[] = []
    for (const definition of version.definition.steps) {
      const step = stored.get(definition.name)
      if (!step) continue
      const inputs = step.status.kind === 'waiting' ? resolveInputs(definition, run.datasets, steps) : null
      const parts = inputs && cachePartsOf(version, run, definition, inputs)
      const keyed = inputs && parts ? { inputs, parts, key: cacheKeyOf(parts) } : null
      const hit = keyed && definition.cache ? await stepStore.findResult(tx, run.workspace, keyed.key) : null
      loaded.push({
        stored: step,
        view: { definition, status: step.status, alive: this.isAlive(run, step, now), hit },
        keyed,
      })
    }
    return loaded
  }

  private isAlive(run: StoredRun, step: StoredStep, now: Date): boolean {
    if (step.status.kind !== 'running') return false
    if (step.status.owner === this.executor.owner) return this.executor.isActive(run.run, step.step)
    return step.leaseUntil !== null && step.leaseUntil > now
  }

  /** The step as it is after an action. */
  private async apply(
    tx: Tx,
    run: StoredRun,
    caches: boolean,
    { stored, keyed }: Loaded,
    action: Exclude<StepAction, { kind: 'stop' }>,
    now: Date,
  ): Promise<StoredStep> {
    const key = keyed
      ? { inputs: keyed.inputs, cacheKey: keyed.key, cacheParts: keyed.parts }
      : { inputs: stored.inputs, cacheKey: stored.cacheKey, cacheParts: stored.cacheParts }
    const ended = { ...stored, leaseUntil: null, endedAt: now }
    switch (action.kind) {
      case 'start': {
        const { failures, losses } = action
        const last = keyed && (await stepStore.lastParts(tx, run.workspace, run.pipeline, stored.step, run.run))
        return {
          ...stored,
          ...key,
          status: { kind: 'running', owner: this.executor.owner, failures, losses },
          leaseUntil: new Date(now.getTime() + LEASE_MILLISECONDS),
          cacheReason: keyed ? explainMiss(keyed.parts, last, caches) : stored.cacheReason,
          startedAt: stored.startedAt ?? now,
        }
      }
      case 'reuse':
        return {
          ...ended,
          ...key,
          status: { kind: 'cached', fromRun: action.hit.fromRun },
          cacheReason: `Result of run ${action.hit.fromRun}: same code, lock, parameters, seed and inputs.`,
          outputs: action.hit.outputs,
          values: action.hit.values,
          startedAt: now,
        }
      case 'succeed': {
        const { failures, losses, success } = action
        return {
          ...ended,
          status: { kind: 'succeeded', failures, losses },
          outputs: success.outputs,
          values: success.values,
        }
      }
      case 'retry': {
        const { failures, losses, reason, retryAt } = action
        const status = { kind: 'retrying', reason, retryAt: retryAt.toISOString(), failures, losses } as const
        return { ...stored, leaseUntil: null, status }
      }
      case 'fail': {
        const { failures, losses, reason } = action
        return { ...ended, status: { kind: 'failed', reason, failures, losses } }
      }
      case 'skip':
        return { ...ended, status: { kind: 'skipped', reason: action.reason } }
      case 'cancel':
        return { ...ended, status: { kind: 'cancelled' } }
    }
  }

  /** Ends the run, or arranges the next look at it. */
  private async after(
    tx: Tx,
    run: StoredRun,
    stored: ReadonlyMap<string, StoredStep>,
    decision: RunDecision,
    launched: boolean,
    now: Date,
  ): Promise<void> {
    const { jobs, events } = this.platform
    const job = { workspace: run.workspace, run: run.run }
    if (decision.finish === null) {
      const running = launched || [...stored.values()].some(({ status }) => status.kind === 'running')
      const lease = running ? new Date(now.getTime() + LEASE_MILLISECONDS) : null
      const next = decision.lookAgainAt ?? lease
      if (next) await jobs.add(tx, 'pipelines.reconcile', job, { key: `pipeline-later:${run.run}`, runAt: next })
      return
    }
    const steps = [...stored.values()]
    const modelVersion = decision.finish.kind === 'succeeded' ? modelVersionOf(steps) : null
    await store.saveRunStatus(tx, run, decision.finish, { at: now, modelVersion })
    await jobs.add(tx, 'pipelines.ended', job)
    const actor = systemActor('pipelines', run.workspace).because([run.startedEvent], run.correlation)
    const { pipeline, purpose, endpoint } = run
    const payload = { run: run.run, pipeline, purpose, endpoint }
    if (decision.finish.kind === 'succeeded') {
      const seconds = (now.getTime() - run.startedAt.getTime()) / 1000
      const cachedSteps = steps.filter(({ status }) => status.kind === 'cached').length
      await events.append(tx, actor, pipelineSucceeded, { ...payload, modelVersion, seconds, cachedSteps })
    } else if (decision.finish.kind === 'failed') {
      const { step, reason } = decision.finish
      await events.append(tx, actor, pipelineFailed, { ...payload, step, reason })
    } else {
      const step = steps.find(({ status }) => status.kind === 'cancelled')?.step ?? 'none'
      await events.append(tx, actor, pipelineFailed, {
        ...payload,
        step,
        reason: `cancelled: ${decision.finish.reason}`,
      })
    }
  }
}

/** The model version that the run made: the value `modelVersion` of the last step that left one. */
function modelVersionOf(steps: readonly StoredStep[]): string | null {
  const said = steps.map((step) => ModelVersionRef.safeParse(step.values?.modelVersion)).filter((each) => each.success)
  return said.at(-1)?.data ?? null
}
