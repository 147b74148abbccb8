import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type BatchResult,
  type Dataset,
  type DatasetDefinition,
  type DatasetProfile,
  type DatasetVersion,
  datasetVersionCreated,
  type QuarantinedRow,
  type QuarantineSummary,
  rowsQuarantined,
} from '@tidemark/contracts'
import { canonicalJson } from '../platform/events.ts'
import { type Actor, inTransaction, type Platform, type Queryable, type Tx } from '../platform/index.ts'
import { rowReader } from './cast.ts'
import { declareActive, type ExportFormat, exportActive, magnitudesOf, pageOf } from './chunks.ts'
import { judgeBatch } from './decide.ts'
import { requireCompatible, requireKnownColumns } from './definition.ts'
import { Analytics, literal } from './duckdb.ts'
import {
  DatasetEmpty,
  DatasetNotFound,
  DatasetVersionNotFound,
  QuarantineNotFound,
  RowUnreadable,
  UnknownColumn,
} from './errors.ts'
import { batchDigest } from './identity.ts'
import { profileActive } from './profile.ts'
import { batchResult, replyOf, versionReply } from './reply.ts'
import * as store from './store.ts'
import type { CleanRow, Materialized, RawRow, Reference, StoredDataset, StoredVersion } from './types.ts'
import { writeVersion } from './write.ts'

type VersionChoice = number | 'latest'

const PROFILE_AFTER_MILLISECONDS = 5_000

/** Datasets: declared once, filled by batches, each state an immutable version. */
export class Data {
  private readonly platform: Platform
  private readonly folder: string
  private readonly analytics: Analytics

  constructor(platform: Platform) {
    this.platform = platform
    this.folder = join(platform.config.dataDir, 'data-work')
    this.analytics = new Analytics(this.folder)
  }

  /** Declares a dataset. Key and column types of one that has rows stay as they are: its versions are immutable. */
  async define(actor: Actor, definition: DatasetDefinition): Promise<Dataset> {
    actor.require('data.write', definition.name)
    rowReader(definition) // refuses date formats that it cannot read
    await inTransaction(this.platform.db, async (tx) => {
      const known = await store.lockDataset(tx, actor.workspace, definition.name)
      if (known && known.latestVersion > 0) requireCompatible(known.definition, definition)
      await store.saveDefinition(tx, actor.workspace, definition)
    })
    return this.get(actor, definition.name)
  }

  async list(actor: Actor): Promise<Dataset[]> {
    const { db } = this.platform
    const datasets = await store.allDatasets(db, actor.workspace)
    const latest = await store.latestVersions(db, actor.workspace)
    const kept = await store.quarantineCounts(db, actor.workspace)
    return datasets.map((dataset) => replyOf(dataset, latest.get(dataset.name), kept.get(dataset.name) ?? 0))
  }

  async get(actor: Actor, name: string): Promise<Dataset> {
    const found = (await this.list(actor)).find((dataset) => dataset.name === name)
    if (!found) throw DatasetNotFound(name)
    return found
  }

  /**
   * Appends a batch: the gate judges its rows, the good ones that are new or changed make a new version.
   * The same rows again make none, and the answer says so.
   */
  async append(actor: Actor, name: string, rows: readonly RawRow[], source: string): Promise<BatchResult> {
    actor.require('data.write', name)
    const { db, events } = this.platform
    return inTransaction(db, async (tx) => {
      const dataset = await store.lockDataset(tx, actor.workspace, name)
      if (!dataset) throw DatasetNotFound(name)
      requireKnownColumns(dataset.definition, rows)
      const parent = await store.findVersion(tx, actor.workspace, name, dataset.latestVersion)
      const verdicts = judgeBatch(dataset.definition, rows, await this.reference(dataset.definition, parent))
      const good = verdicts.flatMap((verdict) => (verdict.kind === 'good' ? [verdict.row] : []))
      const kept = verdicts.flatMap((verdict) =>
        verdict.kind === 'quarantined'
          ? [{ ...verdict.refusal, row: verdict.row, content: contentOf(verdict.row) }]
          : [],
      )
      const written = await this.write(tx, actor, dataset, parent, good, {
        source,
        digest: batchDigest(rows),
        quarantinedRows: kept.length,
      })
      const version = written.version ?? parent
      const place = { workspace: actor.workspace, dataset: name, version: version?.version ?? 0, source }
      const fresh = await store.insertQuarantined(tx, place, kept)
      for (const { rule, rows: count, reason } of fresh)
        await events.append(tx, actor, rowsQuarantined, {
          dataset: name,
          version: place.version,
          rule,
          rows: count,
          reason,
        })
      if (written.version) await events.append(tx, actor, datasetVersionCreated, createdEvent(written.version))
      return batchResult(name, rows.length, good.length, written, parent, store.summarizeRefusals(kept))
    })
  }

  /** How a dataset is declared; null when there is none. */
  async definitionOf(db: Queryable, workspace: string, name: string): Promise<DatasetDefinition | null> {
    return (await store.findDataset(db, workspace, name))?.definition ?? null
  }

  /** What a column of a Parquet file holds. */
  async columnType(file: string, column: string): Promise<'number' | 'string'> {
    const described = await this.analytics.use((session) =>
      session.rows<{ column_name: string; column_type: string }>(
        `describe select * from read_parquet(${literal(file)})`,
      ),
    )
    return described.find((each) => each.column_name === column)?.column_type === 'DOUBLE' ? 'number' : 'string'
  }

  /**
   * Stores the rows of Parquet files as a version, without the gate: they are this platform's own. Declares the dataset when it is new. In the caller's
   * transaction, which may take minutes for many rows. @returns the version that has them, and whether it is a new one
   */
  async appendFiles(
    tx: Tx,
    actor: Actor,
    definition: DatasetDefinition,
    files: readonly string[],
    source: string,
  ): Promise<{ version: StoredVersion; added: boolean }> {
    const { name } = definition
    actor.require('data.write', name)
    const known = await store.lockDataset(tx, actor.workspace, name)
    if (known && known.latestVersion > 0) requireCompatible(known.definition, definition)
    await store.saveDefinition(tx, actor.workspace, definition)
    const dataset = await store.lockDataset(tx, actor.workspace, name)
    if (!dataset) throw DatasetNotFound(name)
    const parent = await store.findVersion(tx, actor.workspace, name, dataset.latestVersion)
    const written = await this.write(
      tx,
      actor,
      dataset,
      parent,
      { files },
      {
        source,
        digest: batchDigest([source]),
        quarantinedRows: 0,
      },
    )
    const version = written.version ?? parent
    if (!version) throw DatasetEmpty(name)
    return { version, added: written.version !== undefined }
  }

  async versions(
    actor: Actor,
    name: string,
    page: { offset: number; limit: number },
  ): Promise<{ versions: DatasetVersion[]; total: number }> {
    const dataset = await store.findDataset(this.platform.db, actor.workspace, name)
    if (!dataset) throw DatasetNotFound(name)
    const versions = await store.versionsOf(this.platform.db, actor.workspace, name, page)
    return { versions: versions.map(versionReply), total: dataset.latestVersion }
  }

  /** @throws DatasetNotFound, DatasetEmpty when `latest` is none, DatasetVersionNotFound */
  async version(db: Queryable, workspace: string, name: string, choice: VersionChoice): Promise<StoredVersion> {
    const dataset = await store.findDataset(db, workspace, name)
    if (!dataset) throw DatasetNotFound(name)
    if (choice === 'latest' && dataset.latestVersion === 0) throw DatasetEmpty(name)
    const number = choice === 'latest' ? dataset.latestVersion : choice
    const version = await store.findVersion(db, workspace, name, number)
    if (!version) throw DatasetVersionNotFound(name, String(choice))
    return version
  }

  async rows<R>(
    actor: Actor,
    name: string,
    choice: VersionChoice,
    page: { offset: number; limit: number; orderBy: string | undefined; direction: 'asc' | 'desc' },
  ): Promise<{ columns: string[]; rows: R[]; total: number }> {
    const version = await this.version(this.platform.db, actor.workspace, name, choice)
    const columns = Object.keys(version.definition.columns)
    if (page.orderBy !== undefined && !columns.includes(page.orderBy)) throw UnknownColumn(name, page.orderBy)
    const rows = await this.analytics.use(async (session) => {
      await declareActive(session, version, this.pathOf)
      return pageOf<R>(session, version.definition, page)
    })
    return { columns, rows, total: version.rows }
  }

  /** The version's profile: made when first asked for, or by the job after the version was. */
  async profile(workspace: string, name: string, choice: VersionChoice): Promise<DatasetProfile> {
    const { db } = this.platform
    const version = await this.version(db, workspace, name, choice)
    const known = await store.findProfile(db, workspace, name, version.version)
    if (known) return known
    const profile = await this.analytics.use(async (session) => {
      await declareActive(session, version, this.pathOf)
      return profileActive(session, version.definition)
    })
    await store.saveProfile(db, workspace, name, version.version, profile)
    return profile
  }

  async quarantine(
    actor: Actor,
    name: string,
    question: store.QuarantineQuestion,
  ): Promise<{ rows: QuarantinedRow[]; total: number; summary: QuarantineSummary[] }> {
    const { db } = this.platform
    if (!(await store.findDataset(db, actor.workspace, name))) throw DatasetNotFound(name)
    return store.quarantinedRows(db, actor.workspace, name, question)
  }

  /** A person's word on quarantined rows: into a new version, or out for good. Rows that cannot be read by their types cannot be released. */
  async settle(
    actor: Actor,
    name: string,
    ids: readonly number[],
    decision: 'release' | 'discard',
    reason: string,
  ): Promise<{ rows: number; version: DatasetVersion | null }> {
    actor.require('data.write', name)
    return inTransaction(this.platform.db, async (tx) => {
      const dataset = await store.lockDataset(tx, actor.workspace, name)
      if (!dataset) throw DatasetNotFound(name)
      const state = decision === 'release' ? 'released' : 'discarded'
      const settled = await store.settleQuarantined(tx, actor.workspace, name, ids, state, reason)
      const missing = ids.filter((id) => !settled.some((row) => row.id === id))
      if (missing.length > 0) throw QuarantineNotFound(missing.join(', '))
      if (decision === 'discard') return { rows: settled.length, version: null }
      const read = rowReader(dataset.definition)
      const clean = settled.map(({ row }) => {
        const cast = read(row)
        if (cast.kind === 'wrong') throw RowUnreadable(name, cast.reason)
        return cast.row
      })
      const parent = await store.findVersion(tx, actor.workspace, name, dataset.latestVersion)
      const { version } = await this.write(tx, actor, dataset, parent, clean, {
        source: `released from quarantine: ${reason}`,
        digest: batchDigest(settled.map(({ row }) => row)),
        quarantinedRows: 0,
      })
      if (version) await this.platform.events.append(tx, actor, datasetVersionCreated, createdEvent(version))
      return { rows: settled.length, version: version ? versionReply(version) : null }
    })
  }

  /** Writes a version's rows, without quarantined ones, as `<dataset>.parquet` in a folder. The same rows give the same bytes. */
  async materialize(workspace: string, name: string, choice: VersionChoice, targetDir: string): Promise<Materialized> {
    const version = await this.version(this.platform.db, workspace, name, choice)
    const file = join(targetDir, `${name}.parquet`)
    await mkdir(targetDir, { recursive: true })
    await this.exportTo(version, file, 'parquet')
    return { file, version: version.version, digest: version.digest }
  }

  async exportTo(version: StoredVersion, file: string, format: ExportFormat): Promise<void> {
    await this.analytics.use(async (session) => {
      await declareActive(session, version, this.pathOf)
      await exportActive(session, version.definition, file, format)
    })
  }

  /** A folder of this module's own for files on their way; removed by the caller's `remove`. */
  async temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
    await mkdir(this.folder, { recursive: true })
    const path = await mkdtemp(join(this.folder, 'batch-'))
    return { path, remove: () => rm(path, { recursive: true, force: true }) }
  }

  async stop(): Promise<void> {
    await this.analytics.close()
  }

  private readonly pathOf = (digest: string): string => this.platform.blobs.path(digest)

  private async reference(definition: DatasetDefinition, parent: StoredVersion | undefined): Promise<Reference> {
    const { units } = definition.quality
    if (!parent || units.length === 0) return new Map()
    return this.analytics.use(async (session) => {
      await declareActive(session, { definition, chunks: parent.chunks }, this.pathOf)
      const entries = []
      for (const { column } of units) entries.push([column, await magnitudesOf(session, column)] as const)
      return new Map(entries)
    })
  }

  private async write(
    tx: Tx,
    actor: Actor,
    dataset: StoredDataset,
    parent: StoredVersion | undefined,
    content: readonly CleanRow[] | { readonly files: readonly string[] },
    batch: { source: string; digest: string; quarantinedRows: number },
  ): Promise<{ version: StoredVersion | undefined; newRows: number; replacedRows: number }> {
    const folder = await this.temporaryFolder()
    try {
      const written = await this.analytics.use((session) =>
        writeVersion(tx, session, this.platform.blobs, {
          actor,
          definition: dataset.definition,
          parent,
          content: 'files' in content ? content : { rows: content },
          batch,
          folder: folder.path,
        }),
      )
      if (written.version)
        await this.platform.jobs.add(
          tx,
          'data.profile',
          { workspace: actor.workspace, dataset: dataset.name, version: written.version.version },
          // Only the latest of many quick batches is profiled ahead; any other is profiled when it is asked for.
          {
            key: `data.profile:${actor.workspace}:${dataset.name}`,
            runAt: new Date(this.platform.clock.now().getTime() + PROFILE_AFTER_MILLISECONDS),
          },
        )
      return written
    } finally {
      await folder.remove()
    }
  }
}

function contentOf(row: RawRow): string {
  return createHash('sha256').update(canonicalJson(row)).digest('hex')
}

/** What is told of a version that was created. */
export function createdEvent(version: StoredVersion) {
  const { dataset, version: number, digest, rows, newRows, newBytes, quarantinedRows } = version
  return { dataset, version: number, digest, rows, newRows, newBytes, quarantinedRows }
}
