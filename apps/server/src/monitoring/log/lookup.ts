import type { AnswerRecord, LoggedPrediction, LogRecord, MirrorRecord } from '@tidemark/contracts'
import { literal } from '../../data/index.ts'
import type { Queryable } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'
import type { Archive } from './archive/archive.ts'
import type { Erasure } from './archive/erasure.ts'
import { sqlOf } from './archive/filter.ts'
import { filesOf } from './archive/store.ts'
import { withoutSubjects } from './archive/subject.ts'
import { eachLine, keyOf, parseLine, SegmentFolder, type SegmentName, segmentPath } from './segments.ts'
import { finishedSegments, openProgress, segmentsBetween, segmentsWithIds } from './store.ts'

/** What a search has found so far; a mirror may be found before its answer, and elsewhere. */
interface Search {
  readonly workspace: string
  readonly wanted: ReadonlySet<string>
  readonly answers: Map<string, Omit<LoggedPrediction, 'mirror'>>
  readonly mirrors: Map<string, MirrorRecord>
}

/** Finds predictions in the log's files. PostgreSQL holds only where to look. */
export class LogLookup {
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

  /** One prediction by its id, with the mirror of it where there is one. */
  async find(db: Queryable, workspace: string, id: string): Promise<LoggedPrediction | null> {
    return (await this.findMany(db, workspace, [id])).get(id) ?? null
  }

  /**
   * Predictions by their ids: each segment and archive file whose ids span one of them is read once, and what was not counted yet. Without what is
   * being erased.
   */
  async findMany(db: Queryable, workspace: string, ids: readonly string[]): Promise<Map<string, LoggedPrediction>> {
    const search: Search = { workspace, wanted: new Set(ids), answers: new Map(), mirrors: new Map() }
    if (ids.length === 0) return new Map()
    // First how far was read, then what that holds: what is read between the two questions is looked at twice, not never.
    const finished = await finishedSegments(db)
    const read = new Map((await openProgress(db)).map((progress) => [keyOf(progress), progress.readBytes]))
    const spanning = await segmentsWithIds(db, ids)
    const spanned = new Set(spanning.map(keyOf))
    for (const name of spanning) await this.collect(search, name, 0)
    await this.collectArchived(db, search)
    if (search.answers.size < search.wanted.size) {
      for (const name of await this.segments.list((gateway) => finished.get(gateway) ?? -1)) {
        if (!spanned.has(keyOf(name))) await this.collect(search, name, read.get(keyOf(name)) ?? 0)
      }
    }
    const subjects = await this.erasure.subjects(db, workspace)
    const found = new Map<string, LoggedPrediction>()
    for (const [id, { answer, ...place }] of search.answers) {
      const shown = withoutSubjects(answer, subjects)
      const mirror = search.mirrors.get(id)
      if (shown) found.set(id, { ...place, answer: shown, mirror: mirror ? withoutSubjects(mirror, subjects) : null })
    }
    return found
  }

  private async collectArchived(db: Queryable, { workspace, wanted, answers, mirrors }: Search): Promise<void> {
    const files = await filesOf(db, { workspace, ids: [...wanted] })
    if (files.length === 0) return
    const condition = `prediction_id in (${[...wanted].map(literal).join(', ')})`
    for await (const record of this.archive.records(files, condition)) {
      if (record.kind === 'mirror') mirrors.set(record.id, record)
      else if (!answers.has(record.id)) answers.set(record.id, { answer: record, gateway: null, segment: null })
    }
  }

  private async collect(
    { workspace, wanted, answers, mirrors }: Search,
    name: SegmentName,
    from: number,
  ): Promise<void> {
    for await (const { text } of eachLine(segmentPath(this.folder, name), from)) {
      // The id before the whole line: parsing is what costs.
      const id = /"id":"([0-9a-f-]{36})"/.exec(text)?.[1]
      if (id === undefined || !wanted.has(id)) continue
      const record = recordOf(text)
      if (record?.workspace !== workspace) continue
      if (record.kind === 'mirror') mirrors.set(record.id, record)
      else if (!answers.has(record.id)) answers.set(record.id, { answer: record, ...name })
    }
  }

  /** Every answer of an endpoint whose event time lies in [from, to), in the order of the log, as far as it was counted; one may come twice. */
  async *between(db: Queryable, key: EndpointKey, from: Date, to: Date): AsyncGenerator<AnswerRecord> {
    const segments = await segmentsBetween(db, from, to)
    // After the segments: what goes to the archive meanwhile is given twice, not never.
    const files = await filesOf(db, { ...key, kind: 'answer', from, to })
    const within = sqlOf({ from: from.getTime(), to: to.getTime(), where: [] })
    for await (const record of this.archive.records(files, within)) if (record.kind === 'answer') yield record
    for (const name of segments) {
      for await (const { text } of eachLine(segmentPath(this.folder, name), 0, name.readBytes)) {
        const record = recordOf(text)
        if (record?.kind !== 'answer' || record.workspace !== key.workspace || record.endpoint !== key.endpoint)
          continue
        if (record.eventTime >= from.getTime() && record.eventTime < to.getTime()) yield record
      }
    }
  }
}

function recordOf(text: string): LogRecord | null {
  const parsed = parseLine(text, false)
  return parsed.kind === 'record' ? parsed.record : null
}
