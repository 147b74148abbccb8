import { randomUUID } from 'node:crypto'
import { copyFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  type Explanation,
  type JsonValue,
  noneHas,
  type PredictionExplanation,
  parseModelVersionRef,
  TidemarkError,
  type VersionImportance,
} from '@tidemark/contracts'
import type { ExplainResult, Gap } from '@tidemark/workers'
import type { Actor, Platform } from '../../platform/index.ts'
import { VersionUnknown } from '../errors.ts'
import type { PlacedVersion } from '../holdout.ts'
import { layOutVersion } from '../runtime/files.ts'
import type { VersionKey } from '../runtime/store.ts'
import type { EvaluationPorts } from '../types.ts'
import {
  ImportanceUnknown,
  InputRedacted,
  NotExplainable,
  PredictionFailed,
  PredictionUnknown,
  RowUnknown,
} from './errors.ts'
import * as store from './store.ts'

const EXPLAIN_LOCK = resolve(import.meta.dirname, '../../../../../python/locks/explain.txt')
const SECONDS = 60
const MEMORY_BYTES = 4 * 1024 ** 3

type Row = Readonly<Record<string, JsonValue>>

/** What is known elsewhere of versions. */
interface KnownOfVersion {
  /** Parquet rows of a version's training, by digest; null: none are known. */
  readonly sample: (key: VersionKey) => Promise<string | null>
  readonly gap: (key: VersionKey) => Promise<Gap>
}

/** A version laid out for one piece of work. */
interface ExplainedVersion extends PlacedVersion {
  readonly sampleFile: string | null
}

/** Says what predictions owe to their columns. Explanations are made when asked for and not kept: they would repeat what callers sent. */
export class Explanations {
  private readonly platform: Platform
  private readonly ports: EvaluationPorts
  private readonly known: KnownOfVersion

  constructor(platform: Platform, ports: EvaluationPorts, known: KnownOfVersion) {
    this.platform = platform
    this.ports = ports
    this.known = known
  }

  /** Explains one row of a logged prediction, by the version that answered it. @throws PredictionUnknown and the other errors of this folder */
  async ofPrediction(actor: Actor, id: string, row: number): Promise<PredictionExplanation> {
    actor.require('evaluation.read', `prediction ${id}`)
    const { workspace } = actor
    const found = await this.ports.predictions.find(this.platform.db, workspace, id)
    if (!found) throw PredictionUnknown(id)
    const { answer } = found
    if (answer.predictions === null) throw PredictionFailed(id)
    const cells = answer.rows[row]
    if (!cells) throw RowUnknown(row, answer.rows.length)
    const redacted = Object.keys(answer.redacted ?? {})
    if (redacted.length > 0) throw InputRedacted(redacted.map((column) => `"${column}"`).join(', '))
    const key = { workspace, ...parseModelVersionRef(answer.version) }
    const record = Object.fromEntries(answer.columns.map((column, place) => [column, cells[place] ?? null]))
    const lacking = answer.columns.filter((_, place) => noneHas(answer.rows, place))
    const [explanation] = await this.explain(key, [record], lacking)
    if (!explanation) throw new Error(`No explanation came for prediction ${id}.`)
    const { endpoint, version } = answer
    return { ...explanation, predictionId: id, endpoint, version, row, rows: answer.rows.length }
  }

  /** Explains what a version predicts for given rows. @throws VersionUnknown, NotExplainable */
  async ofRows(
    actor: Actor,
    { model, version }: { model: string; version: number },
    rows: readonly Row[],
  ): Promise<Explanation[]> {
    actor.require('evaluation.read', `${model}/${version}`)
    return this.explain({ workspace: actor.workspace, model, version }, rows)
  }

  /** How much a version's answers move with each column, the strongest first. @throws VersionUnknown, ImportanceUnknown */
  async importance(actor: Actor, { model, version }: { model: string; version: number }): Promise<VersionImportance> {
    actor.require('evaluation.read', `${model}/${version}`)
    const { db } = this.platform
    const key = { workspace: actor.workspace, model, version }
    if (!(await this.ports.registry.version(db, key.workspace, model, version))) throw VersionUnknown(model, version)
    const found = await store.importanceOf(db, key)
    if (!found) throw ImportanceUnknown(`${model}/${version}`)
    const { of, rows, columns } = found.measured
    const sum = Object.values(columns).reduce((total, value) => total + value, 0)
    const measured = Object.entries(columns).map(([column, importance]) => ({
      column,
      importance,
      share: sum > 0 ? importance / sum : 0,
    }))
    measured.sort((a, b) => b.importance - a.importance)
    return { model, version, of, rows, columns: measured, measuredAt: found.at.toISOString() }
  }

  /** Measures a version's columns once. A model that gives no numbers, or of which no rows are known, has none; that is no failure. */
  async measure(key: VersionKey): Promise<void> {
    const { db, log, python } = this.platform
    if (await store.importanceOf(db, key)) return
    await this.withVersion(key, async (placed) => {
      const pool = await python.pool()
      const task = { kind: 'importance' as const, ...placed, limits: { memoryBytes: MEMORY_BYTES } }
      try {
        await store.saveImportance(db, key, await pool.run(task, { timeoutSeconds: SECONDS }))
      } catch (error) {
        if (!isOfTheModel(error)) throw error
        log.info({ model: key.model, version: key.version, reason: messageOf(error) }, 'no importance was measured')
      }
    })
  }

  /** @param lackingAll columns that no row of the request has in which they came, where that had more rows */
  private async explain(key: VersionKey, rows: readonly Row[], lackingAll?: readonly string[]): Promise<Explanation[]> {
    const name = `${key.model}/${key.version}`
    const found = await this.ports.registry.version(this.platform.db, key.workspace, key.model, key.version)
    if (!found) throw VersionUnknown(key.model, key.version)
    if (!found.signature || found.signature.length === 0)
      throw NotExplainable(name, 'it takes no table of columns, and what is explained is what each column adds.')
    const names = found.signature.map((column) => column.name)
    const lacking = lackingAll ?? names.filter((column) => rows.every((row) => row[column] == null))
    const result = await this.withVersion(key, (placed) => this.run(name, { ...placed, rows, lacking }))
    return result.explanations.map(({ contributions, ...each }, place) => ({
      ...each,
      of: result.of,
      background: result.background,
      contributions: Object.entries(contributions)
        .map(([column, contribution]) => ({ column, contribution, value: rows[place]?.[column] ?? null }))
        .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)),
    }))
  }

  private async run(
    name: string,
    question: ExplainedVersion & { readonly rows: readonly Row[]; readonly lacking: readonly string[] },
  ): Promise<ExplainResult> {
    const pool = await this.platform.python.pool(EXPLAIN_LOCK)
    const task = { kind: 'explain' as const, ...question, limits: { memoryBytes: MEMORY_BYTES } }
    try {
      return await pool.run(task, { timeoutSeconds: SECONDS })
    } catch (error) {
      if (isOfTheModel(error)) throw NotExplainable(name, messageOf(error))
      throw error
    }
  }

  /** Lays a version and its sample out for one piece of work. */
  private async withVersion<T>(key: VersionKey, work: (placed: ExplainedVersion) => Promise<T>): Promise<T> {
    const folder = join(this.platform.config.dataDir, 'work', 'explanations', randomUUID())
    try {
      const modelDir = await layOutVersion(this.platform, this.ports.registry, key, join(folder, 'model'))
      const sample = await this.known.sample(key)
      const sampleFile = sample && join(folder, 'sample.parquet')
      if (sample && sampleFile) await copyFile(this.platform.blobs.path(sample), sampleFile)
      return await work({ modelDir, sampleFile, gap: await this.known.gap(key) })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

function isOfTheModel(error: unknown): boolean {
  const code = error instanceof TidemarkError ? error.code : (error as { code?: unknown } | null)?.code
  return code === 'TASK_FAILED' || code === 'TASK_TIMED_OUT' || code === 'TASK_KILLED'
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return (message.split('\n')[0] ?? message).slice(0, 500)
}
