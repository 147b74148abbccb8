import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type InputColumn, type ReplayBudget, TidemarkError } from '@tidemark/contracts'
import type { WorkerPool } from '@tidemark/workers'
import type { Analytics } from '../data/index.ts'
import { Actor, inTransaction, type Platform } from '../platform/index.ts'
import { actorOf } from './asker.ts'
import { decideGates, lossOf, verdictOf } from './decide.ts'
import { HoldoutReader, type LabelledRow, type PlacedVersion, predictHoldout } from './holdout.ts'
import { layOutVersion } from './runtime/files.ts'
import type { VersionRuntimes } from './runtime/service.ts'
import * as store from './store.ts'
import type { Evaluation, EvaluationPorts, HoldoutRow, IntegrityFacts, ReplayEvidence } from './types.ts'

/** The work of one evaluation, state by state. Each step can be done again from what the state before it stored. */
export class EvaluationWork {
  private readonly platform: Platform
  private readonly ports: EvaluationPorts
  private readonly holdouts: HoldoutReader
  private readonly runtimes: VersionRuntimes

  constructor(platform: Platform, ports: EvaluationPorts, analytics: Analytics, runtimes: VersionRuntimes) {
    this.platform = platform
    this.ports = ports
    this.holdouts = new HoldoutReader(analytics, platform.blobs)
    this.runtimes = runtimes
  }

  /** Does what the evaluation's state asks for. @returns it in its next state, not yet stored. */
  async step(evaluation: Evaluation): Promise<Evaluation> {
    switch (evaluation.state) {
      case 'converting':
        return this.convert(evaluation)
      case 'predicting':
        return this.predict(evaluation)
      case 'judging':
        return this.judge(evaluation)
      case 'passed':
      case 'failed':
      case 'measured':
      case 'broken':
        return evaluation
    }
  }

  /** Removes what the work left on disk. */
  async clear(evaluation: Evaluation): Promise<void> {
    await rm(this.folder(evaluation), { recursive: true, force: true })
  }

  private async convert(evaluation: Evaluation): Promise<Evaluation> {
    const sample = await this.sample(evaluation)
    const verdict = await this.runtimes.decide(actorOf(evaluation), evaluation, sample, this.folder(evaluation))
    return { ...evaluation, state: 'predicting', runtime: verdict }
  }

  private async predict(evaluation: Evaluation): Promise<Evaluation> {
    const { workspace, model, version, champion } = evaluation
    const rows = await this.holdoutRows(evaluation)
    if (rows === null) return { ...evaluation, state: 'judging', holdout: null, robustness: [] }
    const policy = await this.policy(evaluation)
    const columns = await this.columns(workspace, model, version)
    const { holdout, perturbed } = await predictHoldout(await this.pool(evaluation), rows, columns, {
      candidate: await this.place(evaluation, model, version),
      champion: champion === null ? null : await this.place(evaluation, model, champion),
      workDir: this.folder(evaluation),
      noise: policy.gates.robustness.noise,
      perturbed: evaluation.purpose === 'gates',
    })
    await inTransaction(this.platform.db, (tx) => store.saveHoldout(tx, evaluation, holdout))
    return { ...evaluation, state: 'judging', holdout: describe(holdout, policy.gates.loss), robustness: perturbed }
  }

  /** Workers of the environment that was chosen for the version. */
  private async pool(evaluation: Evaluation): Promise<WorkerPool> {
    const { db, blobs, python } = this.platform
    const decided = await this.runtimes.of(db, evaluation)
    return python.pool(decided?.python ? blobs.path(decided.python.lockDigest) : undefined)
  }

  private async judge(evaluation: Evaluation): Promise<Evaluation> {
    const { workspace, champion } = evaluation
    const policy = await this.policy(evaluation)
    const rows = await store.holdoutOf(this.platform.db, workspace, evaluation.id)
    const finishedAt = this.platform.clock.now()
    if (evaluation.purpose === 'first') {
      const loss = evaluation.holdout?.meanLoss
      const measured =
        loss === null || loss === undefined
          ? 'without a holdout'
          : `mean loss ${loss.toFixed(3)} on ${rows.length} holdout rows`
      const summary = `${evaluation.runtime?.sentence ?? ''}; ${measured}`
      return { ...evaluation, state: 'measured', summary, finishedAt }
    }
    const gates = decideGates(policy.gates, {
      champion,
      rows,
      perturbed: evaluation.robustness ?? [],
      integrity: await this.integrity(evaluation, rows),
      replay: await this.replay(evaluation, policy.gates.replay),
    })
    const { passed, summary } = verdictOf(gates)
    return { ...evaluation, state: passed ? 'passed' : 'failed', gates, summary, finishedAt }
  }

  /** Logged requests asked again, where the policy wants it. A request that is refused is the gate's answer; all else is tried again. */
  private async replay(evaluation: Evaluation, budget: ReplayBudget | null): Promise<ReplayEvidence | null> {
    if (!budget) return null
    const { id, endpoint, version } = evaluation
    const actor = new Actor({ ...actorOf(evaluation), permissions: ['evaluation.write'] })
    try {
      return await this.ports.replays.forGate(actor, { endpoint, version, evaluation: id, budget })
    } catch (error) {
      if (error instanceof TidemarkError) return { problem: error.message }
      throw error
    }
  }

  private async integrity(evaluation: Evaluation, rows: readonly HoldoutRow[]): Promise<IntegrityFacts> {
    const { workspace, model, version, pipelineRun } = evaluation
    const { db } = this.platform
    const unknown = { trainingEntities: null, sharedEntities: null, trainingTo: null }
    const times = rows.flatMap(({ eventTime }) => (eventTime ? [eventTime.getTime()] : []))
    const holdoutFrom = times.length > 0 ? new Date(Math.min(...times)) : null
    if (pipelineRun === null) return { pipelineRun, isRunsVersion: false, holdoutFrom, ...unknown }
    const isRunsVersion = (await this.ports.pipelines.runOfVersion(db, workspace, model, version)) === pipelineRun
    const labelled = rows.map((row) => ({ ...row, raw: {} }))
    let facts: Pick<IntegrityFacts, 'trainingEntities' | 'sharedEntities' | 'trainingTo'> = unknown
    // The rows it was trained on, by whichever output names them: keys say most, times the next.
    for (const name of ['training', 'reference']) {
      const output = await this.ports.pipelines.output(db, workspace, pipelineRun, name)
      if (!output) continue
      facts = await this.holdouts.overlap(output.digest, labelled)
      if (facts.trainingEntities !== null) break
    }
    return { pipelineRun, isRunsVersion, holdoutFrom, ...facts }
  }

  private async holdoutRows(evaluation: Evaluation): Promise<LabelledRow[] | null> {
    const { workspace, model, version, holdoutRun } = evaluation
    if (holdoutRun === null) return null
    const output = await this.ports.pipelines.output(this.platform.db, workspace, holdoutRun, 'holdout')
    if (!output) return null
    const policy = await this.policy(evaluation)
    const columns = await this.columns(workspace, model, version)
    if (columns.length === 0) return null
    return this.holdouts.rows(output.digest, columns, policy.gates.slices.columns)
  }

  /** Rows to compare the runtimes on: the training's own reference, else the holdout. */
  private async sample(evaluation: Evaluation): Promise<string | null> {
    const { workspace, pipelineRun, holdoutRun } = evaluation
    for (const [run, name] of [
      [pipelineRun, 'reference'],
      [holdoutRun, 'reference'],
      [holdoutRun, 'holdout'],
    ] as const) {
      const output = run && (await this.ports.pipelines.output(this.platform.db, workspace, run, name))
      if (output) return output.digest
    }
    return null
  }

  private async place(evaluation: Evaluation, model: string, version: number): Promise<PlacedVersion> {
    const key = { workspace: evaluation.workspace, model, version }
    const folder = join(this.folder(evaluation), `version-${version}`)
    const modelDir = await layOutVersion(this.platform, this.ports.registry, key, folder)
    return { modelDir, gap: await this.runtimes.gapOf(this.platform.db, key) }
  }

  private async columns(workspace: string, model: string, version: number): Promise<readonly InputColumn[]> {
    const found = await this.ports.registry.version(this.platform.db, workspace, model, version)
    if (!found) throw new Error(`${model}/${version} is gone.`)
    // A model of tensors or without a signature has none: it runs in Python, and its holdout cannot be read.
    return found.signature ?? []
  }

  private async policy(evaluation: Evaluation) {
    const endpoint = await this.ports.deployments.endpoint(this.platform.db, evaluation.workspace, evaluation.endpoint)
    if (!endpoint) throw new Error(`Endpoint ${evaluation.endpoint} is gone.`)
    return endpoint.policy
  }

  private folder(evaluation: Evaluation): string {
    return join(this.platform.config.dataDir, 'work', 'evaluations', evaluation.id)
  }
}

function describe(rows: readonly HoldoutRow[], loss: 'squared_error' | 'absolute_error'): Evaluation['holdout'] {
  const times = rows.flatMap(({ eventTime }) => (eventTime ? [eventTime.getTime()] : []))
  const losses = rows.flatMap(({ prediction, label }) => (prediction === null ? [] : [lossOf(loss, prediction, label)]))
  return {
    rows: rows.length,
    from: times.length > 0 ? new Date(Math.min(...times)).toISOString() : null,
    to: times.length > 0 ? new Date(Math.max(...times)).toISOString() : null,
    meanLoss: losses.length > 0 ? losses.reduce((sum, value) => sum + value, 0) / losses.length : null,
  }
}
