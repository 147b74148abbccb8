import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import {
  type BatchRequest,
  type BatchView,
  batchFailed,
  batchPredicted,
  DatasetDefinition,
  datasetVersionCreated,
  uuidv7,
} from '@tidemark/contracts'
import { createdEvent, type Data } from '../data/index.ts'
import { Actor, inTransaction, isConnectionLoss, type Platform, systemActor } from '../platform/index.ts'
import {
  BatchColumnsMissing,
  BatchEnded,
  BatchFileUnknown,
  BatchNotFound,
  BatchOutIsInput,
  BatchOutTaken,
  BatchVersionNotPrepared,
  BatchVersionUnknown,
} from './errors.ts'
import { BatchProcess, BatchProcessFailed, type Progress } from './process.ts'
import * as store from './store.ts'
import { type BatchInput, type BatchPorts, nameOf, type StoredBatch } from './types.ts'

const LOOK_MILLISECONDS = 1_000
/** After so many starts its process, or the server with it, is given up. */
const MOST_STARTS = 5

type Pace = { readonly since: number; readonly from: number; readonly rowsDone: number }

/** Predicts datasets and files, one after the other. What a killed server left goes on behind the chunks that were done. */
export class Batches {
  private readonly platform: Platform
  private readonly data: Data
  private readonly ports: BatchPorts
  private readonly folder: string
  private running: Promise<void> | undefined
  private current: { readonly id: string; readonly process: BatchProcess } | undefined
  private pace: (Pace & { readonly id: string }) | undefined
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  constructor(platform: Platform, data: Data, ports: BatchPorts) {
    this.platform = platform
    this.data = data
    this.ports = ports
    this.folder = platform.python.workFolder('batch')
  }

  start(): void {
    this.timer = setInterval(() => this.soon(), LOOK_MILLISECONDS)
  }

  async stop(): Promise<void> {
    this.stopped = true
    clearInterval(this.timer)
    this.current?.process.kill()
    await this.running
  }

  unfinished(): Promise<number> {
    return store.unfinished(this.platform.db)
  }

  /** Stores a file that batch predictions may read; its bytes are checked when it is read. */
  async putFile(actor: Actor, content: Readable): Promise<{ digest: string; bytes: number }> {
    actor.require('data.write', 'batch file')
    const blob = await this.platform.blobs.write(content)
    await inTransaction(this.platform.db, (tx) => this.platform.blobs.grant(tx, actor.workspace, blob))
    return blob
  }

  /** Asks for a batch prediction; what can be known to be wrong is said now. */
  async request(actor: Actor, asked: BatchRequest): Promise<BatchView> {
    actor.require('data.write', asked.out)
    const { db, clock } = this.platform
    const { workspace } = actor
    const version = await this.versionOf(actor, asked)
    const takes = await this.ports.input(db, workspace, asked.model, version)
    if (!takes) throw BatchVersionUnknown(asked.model, `version ${version}`)
    if (!(await this.ports.runtime(db, workspace, asked.model, version)))
      throw BatchVersionNotPrepared(`${asked.model}/${version}`)
    const input = await this.inputOf(actor, asked)
    if (input.kind === 'dataset') {
      if (input.dataset === asked.out) throw BatchOutIsInput(asked.out)
      const { definition } = await this.data.version(db, workspace, input.dataset, input.version)
      const missing = takes.columns.filter(({ name, required }) => required && !Object.hasOwn(definition.columns, name))
      if (missing.length > 0)
        throw BatchColumnsMissing(
          nameOf(input),
          missing.map(({ name }) => name),
        )
    }
    await this.requireOut(actor, asked.out)
    const batch: StoredBatch = {
      workspace,
      id: uuidv7(),
      model: asked.model,
      version,
      input,
      out: asked.out,
      state: 'waiting',
      problem: null,
      rows: null,
      rowsDone: 0,
      outVersion: null,
      actorKind: actor.kind,
      actorId: actor.id,
      requestedAt: clock.now(),
      startedAt: null,
      finishedAt: null,
    }
    await inTransaction(db, (tx) => store.insertBatch(tx, batch))
    this.soon()
    return this.view(batch)
  }

  async byId(workspace: string, id: string): Promise<BatchView> {
    return this.view(await this.stored(workspace, id))
  }

  async list(workspace: string, limit: number): Promise<BatchView[]> {
    return (await store.batchesOf(this.platform.db, workspace, limit)).map((batch) => this.view(batch))
  }

  async cancel(actor: Actor, id: string): Promise<BatchView> {
    const batch = await this.stored(actor.workspace, id)
    actor.require('data.write', batch.out)
    const finishedAt = this.platform.clock.now()
    if (batch.state === 'storing' || !(await store.saveState(this.platform.db, batch, 'cancelled', { finishedAt })))
      throw BatchEnded(id, batch.state)
    if (this.current?.id === id) this.current.process.kill()
    return this.byId(actor.workspace, id)
  }

  private async stored(workspace: string, id: string): Promise<StoredBatch> {
    const batch = await store.batchById(this.platform.db, workspace, id)
    if (!batch) throw BatchNotFound(id)
    return batch
  }

  private async versionOf(actor: Actor, { model, version, alias = 'champion' }: BatchRequest): Promise<number> {
    if (version !== undefined) return version
    const found = await this.ports.aliasVersion(this.platform.db, actor.workspace, model, alias)
    if (found === null) throw BatchVersionUnknown(model, `the alias "${alias}"`)
    return found
  }

  private async inputOf({ workspace }: Actor, { data }: BatchRequest): Promise<BatchInput> {
    const { db, blobs } = this.platform
    if ('dataset' in data) {
      const { version } = await this.data.version(db, workspace, data.dataset, data.version ?? 'latest')
      return { kind: 'dataset', dataset: data.dataset, version }
    }
    await blobs.stat(db, workspace, data.file).catch(() => {
      throw BatchFileUnknown(data.file)
    })
    return { kind: 'file', digest: data.file, format: data.format }
  }

  /** @throws BatchOutTaken when the dataset is there and is no result of a batch */
  private async requireOut({ workspace }: Actor, name: string): Promise<void> {
    const known = await this.data.definitionOf(this.platform.db, workspace, name)
    if (known && !Object.hasOwn(known.columns, 'prediction')) throw BatchOutTaken(name)
  }

  private soon(): void {
    if (this.stopped) return
    this.running ??= this.all()
      .catch((error: unknown) => this.platform.log.warn({ err: error }, 'batch predictions pause'))
      .finally(() => {
        this.running = undefined
      })
  }

  private async all(): Promise<void> {
    while (!this.stopped) {
      const batch = await store.takeNext(this.platform.db, this.platform.clock.now())
      if (!batch) return
      try {
        if (batch.starts > MOST_STARTS)
          throw new BatchProcessFailed(`it was begun ${MOST_STARTS} times and never came to an end`, true)
        await this.run(batch)
      } catch (error) {
        if (this.stopped || isConnectionLoss(error)) throw error
        await this.failed(batch, error)
      }
    }
  }

  private async run(batch: StoredBatch): Promise<void> {
    const folder = join(this.folder, batch.id)
    const job = await this.prepare(batch, folder)
    let progress: Progress = { rows: 0, rowsDone: 0, kind: null }
    let saved: Promise<unknown> = Promise.resolve()
    const process = new BatchProcess(job, (told) => {
      if (this.pace?.id !== batch.id)
        this.pace = { id: batch.id, since: Date.now(), from: told.rowsDone, rowsDone: told.rowsDone }
      this.pace = { ...this.pace, rowsDone: told.rowsDone }
      progress = told
      saved = saved
        .then(() => store.saveProgress(this.platform.db, batch, told.rows, told.rowsDone))
        .then((runs) => runs || process.kill())
        .catch(() => {})
    })
    this.current = { id: batch.id, process }
    try {
      await process.ended
      await saved
    } finally {
      this.current = undefined
    }
    await this.keep(batch, folder, progress)
    await rm(folder, { recursive: true, force: true })
  }

  /** Lays out what the process needs. A start after a kill finds it and the chunks that are done. @returns the job's file */
  private async prepare(batch: StoredBatch, folder: string): Promise<string> {
    const { db, blobs } = this.platform
    const { workspace, model, version, input } = batch
    const takes = await this.ports.input(db, workspace, model, version)
    const runtime = await this.ports.runtime(db, workspace, model, version)
    if (!takes || !runtime) throw new BatchProcessFailed(`${model}/${version} is no longer in the registry`, true)
    await mkdir(folder, { recursive: true, mode: 0o711 })
    const job = join(folder, 'job.json')
    const dataset = input.kind === 'dataset' ? input : null
    const made =
      dataset && (await this.data.materialize(workspace, dataset.dataset, dataset.version, join(folder, 'input')))
    const content = {
      variant: { version: `${model}/${version}`, runtime },
      columns: takes.columns,
      input: takes.input,
      file: made ? made.file : blobs.path(input.kind === 'file' ? input.digest : ''),
      format: input.kind === 'file' ? input.format : 'parquet',
      key: await this.keyOf(batch),
      chunks: join(folder, 'chunks'),
      blobs: join(this.platform.config.dataDir, 'blobs'),
      work: join(folder, 'work'),
    }
    await writeFile(job, JSON.stringify(content), { mode: 0o600 })
    return job
  }

  private async keyOf({ workspace, input }: StoredBatch): Promise<string[]> {
    if (input.kind === 'file') return []
    return (await this.data.version(this.platform.db, workspace, input.dataset, input.version)).definition.key
  }

  /** Makes the chunks a dataset's version, and says so, in one transaction. */
  private async keep(batch: StoredBatch, folder: string, progress: Progress): Promise<void> {
    const { db, events, clock } = this.platform
    if (!(await store.saveState(db, batch, 'storing', null))) return
    const chunks = join(folder, 'chunks')
    const files = (await readdir(chunks))
      .filter((name) => name.endsWith('.parquet'))
      .sort()
      .map((name) => join(chunks, name))
    if (files.length === 0) throw new BatchProcessFailed('the input has no rows', true)
    const definition = await this.definition(batch, await this.data.columnType(files[0] ?? '', 'prediction'))
    const by = new Actor({
      kind: batch.actorKind,
      id: batch.actorId,
      workspace: batch.workspace,
      permissions: ['data.write'],
    })
    const modelVersion = `${batch.model}/${batch.version}`
    const input = nameOf(batch.input)
    await inTransaction(db, async (tx) => {
      const stored = await this.data.appendFiles(
        tx,
        by,
        definition,
        files,
        `batch prediction ${batch.id}: ${modelVersion} over ${input}`,
      )
      const finishedAt = clock.now()
      if (!(await store.saveState(tx, batch, 'done', { outVersion: stored.version, finishedAt })))
        throw BatchEnded(batch.id, 'cancelled')
      const seconds = (finishedAt.getTime() - (batch.startedAt?.getTime() ?? finishedAt.getTime())) / 1000
      await events.append(tx, by, datasetVersionCreated, createdEvent(stored))
      await events.append(tx, by, batchPredicted, {
        batch: batch.id,
        modelVersion,
        input,
        dataset: batch.out,
        version: stored.version,
        rows: progress.rows,
        seconds,
      })
    })
  }

  private async definition(batch: StoredBatch, prediction: 'number' | 'string'): Promise<DatasetDefinition> {
    const { workspace, input, out, model, version } = batch
    const described = {
      name: out,
      source: `Batch predictions; the latest by ${model}/${version}`,
      license: 'not stated',
    }
    if (input.kind === 'file')
      return DatasetDefinition.parse({ ...described, key: ['row'], columns: { row: 'integer', prediction } })
    const { definition } = await this.data.version(this.platform.db, workspace, input.dataset, input.version)
    const keys = Object.fromEntries(definition.key.map((name) => [name, definition.columns[name]?.type ?? 'string']))
    return DatasetDefinition.parse({ ...described, key: definition.key, columns: { ...keys, prediction } })
  }

  private async failed(batch: StoredBatch, error: unknown): Promise<void> {
    const { db, events, clock, log } = this.platform
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 1000)
    if (error instanceof BatchProcessFailed && !error.final) {
      log.warn({ batch: batch.id, reason }, 'a batch prediction stopped, it goes on')
      return
    }
    log.warn({ batch: batch.id, reason }, 'a batch prediction failed')
    await inTransaction(db, async (tx) => {
      if (!(await store.saveState(tx, batch, 'failed', { problem: reason, finishedAt: clock.now() }))) return
      const modelVersion = `${batch.model}/${batch.version}`
      const input = nameOf(batch.input)
      await events.append(tx, systemActor('batch', batch.workspace), batchFailed, {
        batch: batch.id,
        modelVersion,
        input,
        reason,
      })
    })
    await rm(join(this.folder, batch.id), { recursive: true, force: true })
  }

  private view(batch: StoredBatch): BatchView {
    const { id, model, version, out, state, problem, rows, rowsDone, outVersion, requestedAt, startedAt, finishedAt } =
      batch
    const pace = this.pace?.id === id && state === 'running' ? this.pace : undefined
    const seconds = pace ? (Date.now() - pace.since) / 1000 : 0
    const rate = pace && seconds > 0 && pace.rowsDone > pace.from ? (pace.rowsDone - pace.from) / seconds : null
    return {
      id,
      model,
      version,
      input: nameOf(batch.input),
      out,
      state,
      problem,
      rows,
      rowsDone,
      rowsPerSecond: rate,
      secondsLeft: rate !== null && rows !== null ? Math.max(0, rows - rowsDone) / rate : null,
      outVersion,
      requestedAt: requestedAt.toISOString(),
      startedAt: startedAt?.toISOString() ?? null,
      finishedAt: finishedAt?.toISOString() ?? null,
    }
  }
}
