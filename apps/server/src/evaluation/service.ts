import { join } from 'node:path'
import {
  type EvaluationPurpose,
  type Evidence,
  evaluationBroken,
  gatesFailed,
  gatesPassed,
  type LossName,
  type Runtime,
  type RuntimeMismatch,
  type RuntimeSwitch,
  uuidv7,
  type VersionRuntime,
  versionMeasured,
} from '@tidemark/contracts'
import { Analytics } from '../data/index.ts'
import {
  type Actor,
  type HttpServer,
  inTransaction,
  isConnectionLoss,
  type Platform,
  type Queryable,
  type Tx,
} from '../platform/index.ts'
import { actorOf } from './asker.ts'
import { lossOf } from './decide.ts'
import { EndpointUnknown, EvaluationNotFound, OtherModel, VersionUnknown } from './errors.ts'
import { Explanations } from './explaining/service.ts'
import { Preparations } from './preparation/service.ts'
import { evaluationRoutes } from './routes.ts'
import { sampleOf } from './runtime/sample.ts'
import { VersionRuntimes } from './runtime/service.ts'
import * as store from './store.ts'
import type { Evaluation, EvaluationPorts, HoldoutLosses, HoldoutRow } from './types.ts'
import { EvaluationWork } from './work.ts'

/** After so many failed tries of a step an evaluation is given up. */
const MOST_ATTEMPTS = 3
/** After so many starts too: then it is what ends its server. */
const MOST_STARTS = 5
const RETRY_MILLISECONDS = 1000
const LOOK_MILLISECONDS = 2000

interface Subject {
  readonly model: string
  readonly version: number
  readonly endpoint: string
}

/** Runs evaluations one after the other; what a stopped server left unfinished goes on from its last stored state. */
export class Evaluations {
  private readonly platform: Platform
  private readonly ports: EvaluationPorts
  private readonly analytics: Analytics
  private readonly work: EvaluationWork
  private readonly runtimes: VersionRuntimes
  private readonly preparations: Preparations
  readonly explanations: Explanations
  private running: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  constructor(platform: Platform, ports: EvaluationPorts) {
    this.platform = platform
    this.ports = ports
    this.analytics = new Analytics(join(platform.config.dataDir, 'work', 'evaluations', 'duckdb'))
    this.runtimes = new VersionRuntimes(platform, ports)
    this.explanations = new Explanations(platform, ports, {
      sample: (key) => sampleOf(platform, ports, key),
      gap: (key) => this.runtimes.gapOf(platform.db, key),
    })
    this.preparations = new Preparations(platform, ports, this.runtimes, this.explanations)
    this.work = new EvaluationWork(platform, ports, this.analytics, this.runtimes)
  }

  routes(app: HttpServer): void {
    evaluationRoutes(app, this)
  }

  start(): void {
    this.timer = setInterval(() => this.runSoon(), LOOK_MILLISECONDS)
    this.runSoon()
    this.preparations.start()
  }

  async stop(): Promise<void> {
    this.stopped = true
    clearInterval(this.timer)
    await Promise.all([this.running, this.preparations.stop()])
    await this.analytics.close()
  }

  /** Evaluations that are not finished. */
  unfinished(): Promise<number> {
    return store.unfinishedCount(this.platform.db)
  }

  /**
   * Asks for an evaluation; the same cause asks once. `gates` compares with the endpoint's champion, `first` measures an endpoint's first
   * version.
   */
  async request(actor: Actor, subject: Subject, purpose: EvaluationPurpose): Promise<Evaluation> {
    actor.require('evaluation.write', `${subject.model}/${subject.version}`)
    const { db, clock } = this.platform
    const { workspace } = actor
    const { model, version } = subject
    const endpoint = await this.ports.deployments.endpoint(db, workspace, subject.endpoint)
    if (!endpoint) throw EndpointUnknown(subject.endpoint)
    if (endpoint.model !== model) throw OtherModel(subject.endpoint, endpoint.model)
    if (!(await this.ports.registry.version(db, workspace, model, version))) throw VersionUnknown(model, version)
    const pipelineRun = await this.ports.pipelines.runOfVersion(db, workspace, model, version)
    const pipeline = endpoint.policy.automation?.pipeline
    const champion = purpose === 'gates' && endpoint.championVersion !== version ? endpoint.championVersion : null
    const evaluation: Evaluation = {
      workspace,
      id: uuidv7(),
      ...subject,
      purpose,
      champion,
      pipelineRun,
      holdoutRun: pipelineRun ?? (pipeline ? await this.ports.pipelines.latestRun(db, workspace, pipeline) : null),
      state: 'converting',
      problem: null,
      summary: null,
      runtime: null,
      gates: [],
      holdout: null,
      robustness: null,
      cause: actor.causes[0] ?? null,
      correlation: actor.correlation,
      actorKind: actor.kind,
      actorId: actor.id,
      attempts: 0,
      startedAt: clock.now(),
      finishedAt: null,
    }
    const inserted = await inTransaction(db, (tx) => store.insertEvaluation(tx, evaluation))
    this.runSoon()
    const { cause } = evaluation
    const earlier = inserted || cause === null ? null : await store.evaluationByCause(db, workspace, cause)
    return earlier ?? evaluation
  }

  async byId(workspace: string, id: string): Promise<Evaluation> {
    const found = await store.evaluationById(this.platform.db, workspace, id)
    if (!found) throw EvaluationNotFound(id)
    return found
  }

  list(workspace: string, question: Parameters<typeof store.evaluationsOf>[2]): Promise<Evaluation[]> {
    return store.evaluationsOf(this.platform.db, workspace, question)
  }

  holdoutRows(workspace: string, id: string): Promise<HoldoutRow[]> {
    return store.holdoutOf(this.platform.db, workspace, id)
  }

  /** The loss that an endpoint's gates compare. */
  async lossOf(evaluation: Evaluation): Promise<LossName> {
    const { workspace, endpoint } = evaluation
    const found = await this.ports.deployments.endpoint(this.platform.db, workspace, endpoint)
    return found?.policy.gates.loss ?? 'squared_error'
  }

  /** The latest finished evaluation of a version for an endpoint; null when its gates never came to an end. */
  async latestGates(db: Queryable, workspace: string, subject: Subject): Promise<Evaluation | null> {
    const all = await store.evaluationsOf(db, workspace, { ...subject, limit: 100 })
    return all.find(({ state }) => state === 'passed' || state === 'failed') ?? null
  }

  /** Prepares a version that was registered: decides its runtime, and measures what its inputs are worth. */
  prepare(actor: Actor, version: { model: string; version: number }): Promise<void> {
    return this.preparations.request(actor, version)
  }

  /** Where a version runs, and why; also when nothing was decided yet. @throws VersionUnknown */
  async versionRuntime(actor: Actor, model: string, version: number): Promise<VersionRuntime> {
    actor.require('evaluation.read', `${model}/${version}`)
    const { db } = this.platform
    const key = { workspace: actor.workspace, model, version }
    if (!(await this.ports.registry.version(db, actor.workspace, model, version))) throw VersionUnknown(model, version)
    const [runtime, preparation] = [await this.runtimes.of(db, key), await this.preparations.stateOf(key)]
    return {
      model,
      version,
      ...preparation,
      runtime: runtime?.runtime.kind ?? null,
      verdict: runtime?.verdict ?? null,
      decidedAt: runtime?.decidedAt.toISOString() ?? null,
      switched: runtime?.switched ?? null,
    }
  }

  /** Takes a gateway's word that a version answers otherwise in Python: it runs there from now on. */
  runtimeMismatch(mismatch: RuntimeMismatch): Promise<void> {
    return this.runtimes.switchToPython(mismatch)
  }

  /** What ended a version's time as ONNX; null: nothing did. */
  async runtimeSwitch(db: Queryable, workspace: string, model: string, version: number): Promise<RuntimeSwitch | null> {
    return (await this.runtimes.of(db, { workspace, model, version }))?.switched ?? null
  }

  /** Where a version runs; null before it was ever evaluated. */
  async runtime(db: Queryable, workspace: string, model: string, version: number): Promise<Runtime | null> {
    return this.runtimes.toServe(db, { workspace, model, version })
  }

  /** Losses of a version on its latest holdout, in units of its endpoint's gate loss; null when it has none. */
  async holdoutLosses(db: Queryable, workspace: string, model: string, version: number): Promise<HoldoutLosses | null> {
    const evaluation = await store.latestWithHoldout(db, workspace, model, version)
    if (!evaluation) return null
    const loss = await this.lossOf(evaluation)
    const rows = await store.holdoutOf(db, workspace, evaluation.id)
    const answered = rows.flatMap(({ prediction, label }) => (prediction === null ? [] : [{ prediction, label }]))
    return {
      loss,
      labels: answered.map(({ label }) => label),
      predictions: answered.map(({ prediction }) => prediction),
      losses: answered.map(({ prediction, label }) => lossOf(loss, prediction, label)),
    }
  }

  /** How two versions' predictions differed on the holdout of the gates; null when they were not compared. */
  async comparison(db: Queryable, workspace: string, model: string, version: number, champion: number) {
    const evaluation = await store.latestWithHoldout(db, workspace, model, version, champion)
    if (!evaluation) return null
    const rows = await store.holdoutOf(db, workspace, evaluation.id)
    const gaps = rows.flatMap(({ prediction, championPrediction }) =>
      prediction === null || championPrediction === null ? [] : [Math.abs(prediction - championPrediction)],
    )
    if (gaps.length === 0) return null
    const labels = rows.map((row) => row.label)
    return {
      meanPredictionGap: gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length,
      labelRange: { low: Math.min(...labels), high: Math.max(...labels) },
    }
  }

  /** Takes a thing's name out of stored holdouts; its numbers stay, which gates were decided by. */
  async erase(
    tx: Tx,
    subject: {
      readonly workspace: string
      readonly endpoint: string | null
      readonly kind: string
      readonly keys: readonly string[]
    },
  ): Promise<Record<string, number>> {
    return subject.kind === 'entity' ? { holdoutRows: await store.eraseHoldoutEntities(tx, subject) } : {}
  }

  private runSoon(): void {
    if (this.stopped) return
    this.running ??= this.runAll()
      .catch((error: unknown) => this.platform.log.warn({ err: error }, 'evaluations pause'))
      .finally(() => {
        this.running = undefined
      })
  }

  private async runAll(): Promise<void> {
    while (!this.stopped) {
      const claimed = await store.takeNext(this.platform.db)
      if (!claimed) return
      if (claimed.attempts > MOST_STARTS)
        await this.giveUp(claimed, `the server ended ${MOST_STARTS} times while at it`)
      else await this.finish(claimed)
    }
  }

  /** Takes one evaluation to its end. */
  private async finish(claimed: Evaluation): Promise<void> {
    let evaluation = claimed
    for (let tries = 1; evaluation.finishedAt === null && !this.stopped; ) {
      try {
        const next = await this.work.step(evaluation)
        await this.store(next)
        evaluation = next
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        this.platform.log.warn({ err: error, evaluation: evaluation.id }, 'evaluation step failed')
        if (!isConnectionLoss(error)) tries += 1
        if (tries > MOST_ATTEMPTS) {
          evaluation = await this.giveUp(evaluation, reason)
        } else await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS))
      }
    }
    if (evaluation.finishedAt !== null) await this.work.clear(evaluation)
  }

  private async giveUp(evaluation: Evaluation, problem: string): Promise<Evaluation> {
    const broken = { ...evaluation, state: 'broken' as const, problem, finishedAt: this.platform.clock.now() }
    await this.store(broken)
    return broken
  }

  /** Writes a state, and with the last one its event, once. */
  private async store(evaluation: Evaluation): Promise<void> {
    const { events, live, db } = this.platform
    const { model, version, endpoint, champion, id, purpose } = evaluation
    await inTransaction(db, async (tx) => {
      const first = await store.saveEvaluation(tx, evaluation)
      if (!first || evaluation.finishedAt === null) return
      const actor = actorOf(evaluation)
      const subject = { model, version, endpoint, evaluation: id }
      const gates = { ...subject, champion, summary: evaluation.summary ?? '', evidence: evidenceOf(evaluation) }
      switch (evaluation.state) {
        case 'passed':
          await events.append(tx, actor, gatesPassed, gates)
          break
        case 'failed':
          await events.append(tx, actor, gatesFailed, gates)
          break
        case 'measured':
          await events.append(tx, actor, versionMeasured, { ...gates, runtime: evaluation.runtime?.kind ?? 'python' })
          break
        default:
          await events.append(tx, actor, evaluationBroken, { ...subject, purpose, problem: evaluation.problem ?? '' })
      }
    })
    live.changed('evaluation', id)
  }
}

/** The gates' verdicts and first numbers, flat, as events carry them. */
function evidenceOf(evaluation: Evaluation): Evidence {
  const verdicts = evaluation.gates.map((gate) => [gate.name, gate.verdict])
  const compared = evaluation.gates.find((gate) => gate.name === 'beats_champion')?.numbers ?? {}
  return {
    ...(Object.fromEntries(verdicts) as Evidence),
    ...compared,
    runtime: evaluation.runtime?.kind ?? null,
    holdoutRows: evaluation.holdout?.rows ?? null,
    holdoutLoss: evaluation.holdout?.meanLoss ?? null,
  }
}
