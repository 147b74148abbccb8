import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AnswerRecord,
  type JsonValue,
  type LogRecord,
  type PredictionRow,
  timeOfUuidv7,
} from '@tidemark/contracts'
import { thingOf } from '../../platform/folds.ts'
import type { Queryable } from '../../platform/index.ts'
import { currentValues } from '../labels/store.ts'
import type { EndpointKey } from '../types.ts'
import type { Archive } from './archive/archive.ts'
import type { Erasure } from './archive/erasure.ts'
import { type Filter, type LogRow, matches } from './archive/filter.ts'
import { type ArchiveRow, inputOf, jsonOf } from './archive/rows.ts'
import { type ArchiveFile, filesOf } from './archive/store.ts'
import { type Subject, withoutSubjects } from './archive/subject.ts'
import { keyOf, linesBackward, parseLine, SegmentFolder, type SegmentName, segmentPath } from './segments.ts'
import { archivedSegments, segmentsBelow } from './store.ts'

/** Answers of one time are written in the order in which they were ready: none is later than this. */
const DISORDER_MILLISECONDS = 60_000

/** A row with what the API shows beside what conditions see. */
interface ListedRow extends LogRow {
  readonly at: number
  readonly runtime: PredictionRow['runtime']
  readonly timings: Record<string, number> | null
}

/** The rows of one page so far, the newest first, each once. */
class Page {
  readonly rows: ListedRow[] = []
  private readonly seen = new Set<string>()
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  add(row: ListedRow): void {
    const key = `${row.id}:${row.row}`
    if (this.seen.has(key)) return
    this.seen.add(key)
    this.rows.push(row)
  }

  /** The oldest row of a full page; null while there is room. */
  last(): ListedRow | null {
    if (this.rows.length < this.limit) return null
    this.rows.sort((a, b) => (a.id === b.id ? a.row - b.row : a.id < b.id ? 1 : -1))
    this.rows.length = this.limit
    return this.rows.at(-1) ?? null
  }

  sorted(): ListedRow[] {
    this.last()
    return this.rows.sort((a, b) => (a.id === b.id ? a.row - b.row : a.id < b.id ? 1 : -1))
  }
}

/** Lists the rows of the log, newest first, over segments that are still being written and the archive. */
export class LogList {
  private readonly folder: string
  private readonly archive: Archive
  private readonly erasure: Erasure
  private readonly segments: SegmentFolder

  constructor(folder: string, archive: Archive, erasure: Erasure) {
    this.folder = folder
    this.archive = archive
    this.erasure = erasure
    this.segments = new SegmentFolder(folder)
  }

  /** The newest rows that a filter means, at most `limit`; with the label of each that has one. */
  async page(db: Queryable, key: EndpointKey, filter: Filter, limit: number): Promise<PredictionRow[]> {
    const page = new Page(limit)
    const without = await this.erasedOf(db, key)
    // The segments first: what goes to the archive meanwhile is found twice, not never.
    for await (const record of this.fresh(db, key, without, page)) addRecord(page, record, filter)
    await this.addArchived(db, key, { ...filter, without }, page, limit)
    const rows = page.sorted()
    const labels = await currentValues(db, key, [...new Set(rows.map(labelled))])
    return rows.map((row) => shown(key.endpoint, row, labels.get(labelled(row)) ?? null))
  }

  /** Writes the rows that a filter means as one Parquet file. The caller removes it. */
  async export(
    db: Queryable,
    key: EndpointKey,
    filter: Filter,
    name: string,
  ): Promise<{ path: string; remove: () => Promise<void> }> {
    const path = join(this.archive.files.work, `export-${name}.parquet`)
    await this.write(db, key, filter, path)
    return { path, remove: () => rm(path, { force: true }) }
  }

  /** The same to a path of this program's own; a row that goes to the archive meanwhile may stand there twice. */
  async write(db: Queryable, key: EndpointKey, filter: Filter, path: string): Promise<void> {
    const records: AnswerRecord[] = []
    const without = await this.erasedOf(db, key)
    const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = filter
    for await (const record of this.fresh(db, key, without, null))
      if (record.eventTime >= from && record.eventTime < to) records.push(record)
    const files = await this.filesFor(db, key, filter)
    await this.archive.files.export(files, records, await this.archive.signature(key), { ...filter, without }, path)
  }

  /** Subjects that are being erased at an endpoint. */
  private async erasedOf(db: Queryable, { workspace, endpoint }: EndpointKey): Promise<Subject[]> {
    const subjects = await this.erasure.subjects(db, workspace)
    return subjects.filter((each) => each.endpoint === null || each.endpoint === endpoint)
  }

  private filesFor(db: Queryable, key: EndpointKey, filter: Filter): Promise<ArchiveFile[]> {
    return filesOf(db, {
      ...key,
      kind: 'answer',
      ...(filter.from === undefined ? {} : { from: new Date(filter.from) }),
      ...(filter.to === undefined ? {} : { to: new Date(filter.to) }),
      ...(filter.after ? { upTo: filter.after.id } : {}),
    })
  }

  /** Answers of an endpoint in segments that are not in the archive, the newest first as far as a page needs them. */
  private async *fresh(
    db: Queryable,
    { workspace, endpoint }: EndpointKey,
    without: readonly Subject[],
    page: Page | null,
  ): AsyncGenerator<AnswerRecord> {
    const archived = await archivedSegments(db)
    const segments = (await this.segments.list(() => -1)).filter((name) => !archived.has(keyOf(name)))
    const mark = `"endpoint":${JSON.stringify(endpoint)}`
    for (const name of segments.toReversed()) {
      const last = page?.last()
      if (last && (await segmentsBelow(db, last.id)).has(keyOf(name))) continue
      for await (const record of this.newestFirst(name, mark)) {
        if (record.kind === 'answer' && record.workspace === workspace && record.endpoint === endpoint) {
          const shown = withoutSubjects(record, without)
          if (shown) yield shown
        }
        const oldest = page?.last()
        if (oldest && timeOfUuidv7(record.id) < timeOfUuidv7(oldest.id) - DISORDER_MILLISECONDS) break
      }
    }
  }

  private async *newestFirst(name: SegmentName, mark: string): AsyncGenerator<LogRecord> {
    for await (const lines of linesBackward(segmentPath(this.folder, name))) {
      for (const { text } of lines) {
        // Before the whole line: parsing is what costs.
        if (!text.includes(mark)) continue
        const parsed = parseLine(text, false)
        if (parsed.kind === 'record') yield parsed.record
      }
    }
  }

  private async addArchived(db: Queryable, key: EndpointKey, filter: Filter, page: Page, limit: number): Promise<void> {
    const files = await this.filesFor(db, key, filter)
    for (const file of files) {
      const last = page.last()
      if (last && file.highestId < last.id) return
      for (const row of await this.archive.files.newest(file, filter, limit)) page.add(rowOf(row))
    }
  }
}

function addRecord(page: Page, record: AnswerRecord, filter: Filter): void {
  const { id, arrivedAt: at, eventTime, version, runtime, caller, error, milliseconds } = record
  const timings = (record as { timings?: Record<string, number> }).timings ?? null
  const answers = record.predictions as readonly JsonValue[] | null
  record.rows.forEach((cells, place) => {
    const input = Object.fromEntries(record.columns.map((column, index) => [column, cells[index] ?? null]))
    const row: ListedRow = {
      id,
      row: place,
      at,
      eventTime,
      version,
      runtime,
      caller,
      entity: record.entities[place] ?? null,
      input,
      prediction: answers?.[place] ?? null,
      error,
      milliseconds,
      timings,
    }
    if (matches(filter, row)) page.add(row)
  })
}

function rowOf(row: ArchiveRow): ListedRow {
  return {
    id: String(row.prediction_id),
    row: Number(row.row),
    at: Number(row.at),
    eventTime: Number(row.event_time),
    version: String(row.version),
    runtime: row.runtime as PredictionRow['runtime'],
    caller: textOf(row.caller),
    entity: textOf(row.entity),
    input: inputOf(row),
    prediction: jsonOf(row.prediction_json),
    error: textOf(row.error),
    milliseconds: Number(row.milliseconds),
    timings: jsonOf(row.timings) as Record<string, number> | null,
  }
}

const textOf = (value: JsonValue | undefined): string | null => (typeof value === 'string' ? value : null)

/** What a label of the row is known by. */
const labelled = ({ entity, id, row }: ListedRow): string => thingOf(id, row, entity)

function shown(endpoint: string, row: ListedRow, label: number | string | null): PredictionRow {
  const { at, eventTime, input, ...same } = row
  return {
    ...same,
    endpoint,
    input: { ...input },
    at: new Date(at).toISOString(),
    eventTime: new Date(eventTime).toISOString(),
    label,
  }
}
