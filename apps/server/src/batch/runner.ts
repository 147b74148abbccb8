import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { batchFailed, batchPredicted, DatasetDefinition, datasetVersionCreated } from '@tidemark/contracts'
import { createdEvent, type Data } from '../data/index.ts'
import { Actor, inTransaction, type Platform, systemActor } from '../platform/index.ts'
import { BatchEnded } from './errors.ts'
import type { RunProgram, Trade } from './line.ts'
import { BatchProcessFailed, chunksIn, type Progress } from './process.ts'
import * as store from './store.ts'
import { type BatchPorts, nameOf, type StoredBatch } from './types.ts'

interface Pace {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly from: number
  readonly rowsDone: number
}

/** How a batch prediction is carried out. */
export class BatchRunner implements Trade<StoredBatch> {
  readonly program = 'batch'
  readonly called = 'a batch prediction'
  readonly takeNext = store.takeNext
  readonly saveProgress = store.saveProgress
  private readonly platform: Platform
  private readonly data: Data
  private readonly ports: Pick<BatchPorts, 'input' | 'runtime'>
  private pace: Pace | undefined

  constructor(platform: Platform, data: Data, ports: Pick<BatchPorts, 'input' | 'runtime'>) {
    this.platform = platform
    this.data = data
    this.ports = ports
  }

  /** Rows a second since its process began, where it is the one that ran last; null while nothing is known. */
  rowsPerSecond(id: string): number | null {
    if (this.pace?.id !== id) return null
    const { since, from, rowsDone } = this.pace
    const seconds = (Date.now() - since) / 1000
    return seconds > 0 && rowsDone > from ? (rowsDone - from) / seconds : null
  }

  async carryOut(batch: StoredBatch, folder: string, run: RunProgram): Promise<void> {
    const progress = await run(await this.prepare(batch, folder), ({ rowsDone }) => {
      if (this.pace?.id !== batch.id) this.pace = { id: batch.id, since: Date.now(), from: rowsDone, rowsDone }
      this.pace = { ...this.pace, rowsDone }
    })
    if (!progress) return
    await this.keep(batch, folder, progress)
    await rm(folder, { recursive: true, force: true })
  }

  async isOpen({ workspace, id }: StoredBatch): Promise<boolean> {
    return (await store.batchById(this.platform.db, workspace, id))?.finishedAt === null
  }

  async saveFailure(batch: StoredBatch, reason: string): Promise<void> {
    const { db, events, clock } = this.platform
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
    const files = await chunksIn(join(folder, 'chunks'))
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
      const { version: stored, added } = await this.data.appendFiles(
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
      // The rows may all have been there: then no version was made.
      if (added) await events.append(tx, by, datasetVersionCreated, createdEvent(stored))
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
}
