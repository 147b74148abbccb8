import { readFile } from 'node:fs/promises'
import {
  type CodeFile,
  type EventRecord,
  type Pipeline,
  type PipelineDefinition,
  type PipelineRun,
  pipelineStarted,
  retrainingDecided,
  retrainingNotStarted,
  TidemarkError,
  uuidv7,
} from '@tidemark/contracts'
import {
  type Actor,
  inTransaction,
  listEvents,
  PLATFORM_LOCK,
  type Platform,
  type Queryable,
  systemActor,
} from '../platform/index.ts'
import { seedOf } from './cache.ts'
import { digestOf, parametersWith, requireCode, tagsOf } from './definition.ts'
import {
  NameDiffers,
  PipelineNotFound,
  PipelineRunNotFound,
  PipelineVersionNotFound,
  RunEnded,
  StepNotFound,
} from './errors.ts'
import type { Executor } from './executor.ts'
import type { StepLogs } from './log.ts'
import { isEnded, runReply, versionReply } from './reply.ts'
import * as stepStore from './stepStore.ts'
import * as store from './store.ts'
import type { DatasetPin, Output, PipelinePorts, StartRequest, StoredRun, StoredVersion } from './types.ts'
import { clearRun } from './workspace.ts'

export interface ApplyRequest {
  readonly definition: PipelineDefinition
  readonly files: readonly CodeFile[]
  readonly lock: string | null
  readonly gitCommit: string | null
  readonly gitPatch: string | null
}

/** Pipelines: registered as immutable versions, run step by step. */
export class Pipelines {
  private readonly platform: Platform
  private readonly ports: PipelinePorts
  private readonly executor: Executor
  private readonly logs: StepLogs

  constructor(platform: Platform, ports: PipelinePorts, executor: Executor, logs: StepLogs) {
    this.platform = platform
    this.ports = ports
    this.executor = executor
    this.logs = logs
  }

  /** Registers a pipeline. The same definition, code and lock as the latest version's make no new one. */
  async apply(actor: Actor, name: string, request: ApplyRequest) {
    actor.require('pipelines.write', name)
    const { definition, files, gitCommit } = request
    if (definition.name !== name) throw NameDiffers(name, definition.name)
    requireCode(definition, files)
    const { blobs, db } = this.platform
    const lock = await blobs.write(request.lock ?? (await readFile(PLATFORM_LOCK)))
    const patch = request.gitPatch === null ? null : await blobs.write(request.gitPatch)
    const stored: { path: string; digest: string; bytes: number }[] = []
    for (const file of files) {
      const blob = await blobs.write('text' in file ? file.text : Buffer.from(file.base64, 'base64'))
      stored.push({ path: file.path, ...blob })
    }
    stored.sort((a, b) => (a.path < b.path ? -1 : 1))
    const digest = digestOf({ definition, files: stored.map(({ path, digest: d }) => [path, d]), lock: lock.digest })
    return inTransaction(db, async (tx) => {
      await store.lockPipeline(tx, actor.workspace, name)
      for (const blob of [lock, ...(patch ? [patch] : []), ...stored]) await blobs.grant(tx, actor.workspace, blob)
      const latest = await store.latestVersion(tx, actor.workspace, name)
      const same =
        latest?.digest === digest && latest.gitCommit === gitCommit && latest.gitPatch === (patch?.digest ?? null)
      if (latest && same) return { created: false, version: versionReply(latest) }
      const version = await store.insertVersion(tx, actor.workspace, {
        pipeline: name,
        version: (latest?.version ?? 0) + 1,
        digest,
        definition,
        files: stored,
        lockDigest: lock.digest,
        gitCommit,
        gitPatch: patch?.digest ?? null,
        createdBy: actor.ref,
      })
      return { created: true, version: versionReply(version) }
    })
  }

  async list(actor: Actor): Promise<Pipeline[]> {
    const found = await store.allPipelines(this.platform.db, actor.workspace)
    const pipelines: Pipeline[] = []
    for (const { version, runs, lastRun } of found)
      pipelines.push({
        name: version.pipeline,
        latest: versionReply(version),
        versions: version.version,
        runs,
        lastRun: lastRun === null ? null : await this.run(actor, lastRun),
      })
    return pipelines
  }

  async get(actor: Actor, name: string): Promise<Pipeline> {
    const found = (await this.list(actor)).find((pipeline) => pipeline.name === name)
    if (!found) throw PipelineNotFound(name)
    return found
  }

  async version(actor: Actor, name: string, number: number) {
    const version = await store.findVersion(this.platform.db, actor.workspace, name, number)
    if (!version) throw PipelineVersionNotFound(name, number)
    return versionReply(version)
  }

  /** Starts a run of the latest version, on the datasets as they are now. An event that caused a run already causes no second one. */
  async start(actor: Actor, request: StartRequest): Promise<PipelineRun> {
    actor.require('pipelines.write', request.pipeline)
    const { db, events, jobs, clock } = this.platform
    const { workspace } = actor
    const cause = actor.causes[0] ?? null
    const earlier = cause && (await store.runCausedBy(db, workspace, cause, request.pipeline))
    if (earlier) return this.run(actor, earlier.run)
    const version = await store.latestVersion(db, workspace, request.pipeline)
    if (!version) throw PipelineNotFound(request.pipeline)
    const parameters = parametersWith(version.definition, request.parameters)
    const datasets = await this.pinDatasets(workspace, version.definition)
    const run = uuidv7()
    const mlflowRun = await this.ports.tracking.createRun(actor, {
      experiment: version.pipeline,
      name: `${version.pipeline}-${run.slice(-8)}`,
      tags: tagsOf(run, version, datasets, seedOf({ parameters })),
    })
    const stored: StoredRun = {
      workspace,
      run,
      pipeline: version.pipeline,
      version: version.version,
      purpose: request.purpose,
      endpoint: request.endpoint,
      status: { kind: 'running' },
      parameters,
      datasets,
      mlflowRun,
      modelVersion: null,
      startedBy: actor.ref,
      startedEvent: run,
      correlation: actor.correlation ?? run,
      startedAt: clock.now(),
      endedAt: null,
    }
    await inTransaction(db, async (tx) => {
      const steps = version.definition.steps.map(({ name }) => name)
      await store.insertRun(tx, stored, cause, steps)
      await jobs.add(tx, 'pipelines.reconcile', { workspace, run }, { key: `pipeline:${run}` })
      // The run's own id joins its events into one chain when nothing caused it.
      const chained = actor.because(actor.causes, stored.correlation)
      const { pipeline, purpose, endpoint } = stored
      const event = await events.append(tx, chained, pipelineStarted, { run, pipeline, purpose, endpoint })
      await store.saveStartedEvent(tx, workspace, run, event)
    })
    return this.run(actor, run)
  }

  /**
   * Reaction to a decided retraining: the run is of the date that was decided, with the parameters that the endpoint's owner declared. What the
   * owner must mend, a pipeline or parameter that is not there, is an event: trying again would not help.
   */
  async startRetraining(actor: Actor, event: EventRecord): Promise<void> {
    const { decision, pipeline, endpoint, asOf, parameters } = retrainingDecided.payload.parse(event.payload)
    const dated = { ...parameters, asOf: asOf.slice(0, 10) }
    try {
      await this.start(actor, { pipeline, parameters: dated, purpose: 'retraining', endpoint })
    } catch (error) {
      if (!(error instanceof TidemarkError) || error.status >= 500) throw error
      const { message: reason } = error
      await inTransaction(this.platform.db, async (tx) => {
        const question = { type: retrainingNotStarted.type, subject: `endpoint:${endpoint}`, limit: 1 }
        const [last] = await listEvents(tx, actor.workspace, question)
        if (last?.payload.decision === decision) return
        await this.platform.events.append(tx, actor, retrainingNotStarted, { decision, pipeline, endpoint, reason })
      })
    }
  }

  async run(actor: Actor, id: string): Promise<PipelineRun> {
    const run = await store.findRun(this.platform.db, actor.workspace, id)
    if (!run) throw PipelineRunNotFound(id)
    const [reply] = await this.replies(actor.workspace, [run])
    if (!reply) throw PipelineRunNotFound(id)
    return reply
  }

  async runs(actor: Actor, question: store.RunQuestion): Promise<{ runs: PipelineRun[]; total: number }> {
    const { runs, total } = await store.runsNewestFirst(this.platform.db, actor.workspace, question)
    return { runs: await this.replies(actor.workspace, runs), total }
  }

  /** Stops a run. Its running steps are told to end; the answer may still say "cancelling". */
  async cancel(actor: Actor, id: string, reason: string): Promise<PipelineRun> {
    actor.require('pipelines.write', id)
    await inTransaction(this.platform.db, async (tx) => {
      const run = await store.lockRun(tx, actor.workspace, id)
      if (!run) throw PipelineRunNotFound(id)
      if (run.endedAt) throw RunEnded(id, run.status.kind)
      const why = `by ${actor.id}${reason ? `: ${reason}` : ''}`
      await store.saveRunStatus(tx, run, { kind: 'cancelling', reason: why }, null)
      const job = { workspace: actor.workspace, run: id }
      await this.platform.jobs.add(tx, 'pipelines.reconcile', job, { key: `pipeline:${id}` })
    })
    return this.run(actor, id)
  }

  async stepLog(actor: Actor, id: string, name: string, offset: number, limitBytes: number) {
    const { db } = this.platform
    if (!(await store.findRun(db, actor.workspace, id))) throw PipelineRunNotFound(id)
    const step = (await stepStore.stepsOf(db, actor.workspace, id)).find((each) => each.step === name)
    if (!step) throw StepNotFound(id, name)
    const part = await this.logs.read(id, name, offset, limitBytes)
    return { ...part, complete: isEnded(step.status) && part.nextOffset >= (await this.logs.bytes(id, name)) }
  }

  // --- what other modules ask

  /** A named output of a run: of the step that left it. Null while it has none. */
  async output(db: Queryable, workspace: string, run: string, name: string): Promise<Output | null> {
    const steps = await stepStore.stepsOf(db, workspace, run)
    return steps.flatMap((step) => step.outputs).find((output) => output.name === name) ?? null
  }

  /** The pipeline run that made a model version; null for one registered by hand. */
  runOfVersion(db: Queryable, workspace: string, model: string, version: number): Promise<string | null> {
    return store.runOfModelVersion(db, workspace, `${model}/${version}`)
  }

  /** The newest run of a pipeline that succeeded. */
  async latestRun(db: Queryable, workspace: string, pipeline: string): Promise<StoredRun | null> {
    const question = { pipeline, state: 'succeeded', dataset: undefined, offset: 0, limit: 1 }
    const { runs } = await store.runsNewestFirst(db, workspace, question)
    return runs[0] ?? null
  }

  /** A run as others read it: version, datasets, parameters, tracked run. */
  async facts(
    db: Queryable,
    workspace: string,
    run: string,
  ): Promise<{ run: StoredRun; version: StoredVersion } | null> {
    const found = await store.findRun(db, workspace, run)
    const version = found && (await store.findVersion(db, workspace, found.pipeline, found.version))
    return found && version ? { run: found, version } : null
  }

  async openRuns(): Promise<number> {
    return (await store.openRuns(this.platform.db)).length
  }

  // --- after a start, and after an end

  /** Takes up runs that the last server left: their steps are lost, and tried again. */
  async resume(): Promise<void> {
    const { db, jobs } = this.platform
    await stepStore.endForeignLeases(db, this.executor.owner)
    for (const run of await store.openRuns(db))
      await jobs.add(db, 'pipelines.reconcile', run, { key: `pipeline:${run.run}` })
  }

  async ended(workspace: string, id: string): Promise<void> {
    const run = await store.findRun(this.platform.db, workspace, id)
    if (!run) return
    await clearRun(this.executor.workRoot, id)
    if (run.mlflowRun === null) return
    const status = run.status.kind === 'succeeded' ? 'FINISHED' : run.status.kind === 'cancelled' ? 'KILLED' : 'FAILED'
    await this.ports.tracking.finishRun(systemActor('pipelines', workspace), run.mlflowRun, status)
  }

  private async replies(workspace: string, runs: readonly StoredRun[]): Promise<PipelineRun[]> {
    const ids = runs.map(({ run }) => run)
    const steps = await stepStore.stepsOfRuns(this.platform.db, workspace, ids)
    return Promise.all(
      runs.map((run) => runReply(run, steps.get(run.run) ?? [], (step) => this.logs.bytes(run.run, step))),
    )
  }

  private async pinDatasets(workspace: string, definition: PipelineDefinition): Promise<DatasetPin[]> {
    const wanted = definition.steps
      .flatMap((step) => Object.values(step.inputs))
      .flatMap((input) => ('dataset' in input ? [input] : []))
    const pins = new Map<string, DatasetPin>()
    for (const { dataset, version: choice } of wanted) {
      const { version, digest } = await this.ports.datasets.version(this.platform.db, workspace, dataset, choice)
      pins.set(`${dataset}/${version}`, { dataset, version, digest })
    }
    return [...pins.values()]
  }
}
