import type { Readable } from 'node:stream'
import { type BatchRequest, type BatchView, batchCancelled, type InputColumn, uuidv7 } from '@tidemark/contracts'
import type { Data } from '../data/index.ts'
import { type Actor, inTransaction, type Platform } from '../platform/index.ts'
import {
  BatchColumnsMissing,
  BatchEnded,
  BatchFileUnknown,
  BatchNotFound,
  BatchOutIsInput,
  BatchOutTaken,
  BatchVersionUnknown,
  VersionNotPrepared,
} from './errors.ts'
import { WorkLine } from './line.ts'
import { BatchRunner } from './runner.ts'
import * as store from './store.ts'
import { type BatchInput, type BatchPorts, nameOf, type StoredBatch } from './types.ts'

/** Batch predictions as people ask for them; a runner carries them out. */
export class Batches {
  private readonly platform: Platform
  private readonly data: Data
  private readonly ports: BatchPorts
  private readonly runner: BatchRunner
  private readonly line: WorkLine<StoredBatch>

  constructor(platform: Platform, data: Data, ports: BatchPorts) {
    this.platform = platform
    this.data = data
    this.ports = ports
    this.runner = new BatchRunner(platform, data, ports)
    this.line = new WorkLine(platform, this.runner)
  }

  start(): void {
    this.line.start()
  }

  stop(): Promise<void> {
    return this.line.stop()
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
      throw VersionNotPrepared(`${asked.model}/${version}`)
    const input = await this.inputOf(actor, asked, takes.columns)
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
    this.line.soon()
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
    const { db, clock, events } = this.platform
    const { model, version } = batch
    await inTransaction(db, async (tx) => {
      const open = batch.state !== 'storing'
      if (!open || !(await store.saveState(tx, batch, 'cancelled', { finishedAt: clock.now() })))
        throw BatchEnded(id, batch.state)
      const input = nameOf(batch.input)
      await events.append(tx, actor, batchCancelled, { batch: id, modelVersion: `${model}/${version}`, input })
    })
    this.line.kill(id)
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

  /** @throws BatchOutIsInput, BatchColumnsMissing, BatchFileUnknown */
  private async inputOf(
    { workspace }: Actor,
    { data, out }: BatchRequest,
    columns: readonly InputColumn[],
  ): Promise<BatchInput> {
    const { db, blobs } = this.platform
    if ('dataset' in data) {
      const { version, definition } = await this.data.version(db, workspace, data.dataset, data.version ?? 'latest')
      if (data.dataset === out) throw BatchOutIsInput(out)
      const input: BatchInput = { kind: 'dataset', dataset: data.dataset, version }
      const missing = columns.filter(({ name, required }) => required && !Object.hasOwn(definition.columns, name))
      const names = missing.map(({ name }) => name)
      if (names.length > 0) throw BatchColumnsMissing(nameOf(input), names)
      return input
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

  private view(batch: StoredBatch): BatchView {
    const { id, model, version, out, state, problem, rows, rowsDone, outVersion, requestedAt, startedAt, finishedAt } =
      batch
    const rate = state === 'running' ? this.runner.rowsPerSecond(id) : null
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
