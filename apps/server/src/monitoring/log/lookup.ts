import type { AnswerRecord, LogRecord, MirrorRecord, Prediction } from '@tidemark/contracts'
import type { Queryable } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'
import { eachLine, keyOf, parseLine, SegmentFolder, type SegmentName, segmentPath, sizeOf } from './segments.ts'
import { finishedSegments, newestSegments, openProgress, segmentsBetween, segmentsWithIds } from './store.ts'

/** A page of recent predictions never reads more of the log than this. */
const MOST_TAIL_BYTES = 32 << 20
const TAIL_BYTES = 512 << 10

/** Finds predictions in the log's files. PostgreSQL holds only where to look. */
export class LogLookup {
  private readonly folder: string
  private readonly segments: SegmentFolder

  constructor(folder: string) {
    this.folder = folder
    this.segments = new SegmentFolder(folder)
  }

  /** One prediction by its id, with the mirror of it where there is one. */
  async find(db: Queryable, workspace: string, id: string): Promise<Prediction | null> {
    return (await this.findMany(db, workspace, [id])).get(id) ?? null
  }

  /** Predictions by their ids: each segment whose ids span one of them is read once, and what was not counted yet. */
  async findMany(db: Queryable, workspace: string, ids: readonly string[]): Promise<Map<string, Prediction>> {
    const found = new Map<string, Prediction>()
    const wanted = new Set(ids)
    if (wanted.size === 0) return found
    // First how far was read, then what that holds: what is read between the two questions is looked at twice, not never.
    const finished = await finishedSegments(db)
    const read = new Map((await openProgress(db)).map((progress) => [keyOf(progress), progress.readBytes]))
    const spanning = await segmentsWithIds(db, [...wanted])
    const spanned = new Set(spanning.map(keyOf))
    for (const name of spanning) await this.collect(name, 0, workspace, wanted, found)
    if (found.size === wanted.size) return found
    for (const name of await this.segments.list((gateway) => finished.get(gateway) ?? -1)) {
      if (!spanned.has(keyOf(name))) await this.collect(name, read.get(keyOf(name)) ?? 0, workspace, wanted, found)
    }
    return found
  }

  private async collect(
    name: SegmentName,
    from: number,
    workspace: string,
    wanted: ReadonlySet<string>,
    found: Map<string, Prediction>,
  ): Promise<void> {
    const mirrors = new Map<string, MirrorRecord>()
    for await (const { text } of eachLine(segmentPath(this.folder, name), from)) {
      // The id before the whole line: parsing is what costs.
      const id = /"id":"([0-9a-f-]{36})"/.exec(text)?.[1]
      if (id === undefined || !wanted.has(id)) continue
      const record = recordOf(text)
      if (record?.workspace !== workspace) continue
      if (record.kind === 'mirror') mirrors.set(record.id, record)
      else if (!found.has(record.id)) found.set(record.id, { answer: record, mirror: null, ...name })
    }
    for (const [id, mirror] of mirrors) {
      const prediction = found.get(id)
      if (prediction) found.set(id, { ...prediction, mirror })
    }
  }

  /** The newest answers of an endpoint, newest first. */
  async recent(db: Queryable, { workspace, endpoint }: EndpointKey, limit: number): Promise<AnswerRecord[]> {
    const found: AnswerRecord[] = []
    let budget = MOST_TAIL_BYTES
    for (const name of await newestSegments(db, 64)) {
      const path = segmentPath(this.folder, name)
      let end = await sizeOf(path)
      while (end > 0 && found.length < limit && budget > 0) {
        const start = Math.max(0, end - TAIL_BYTES)
        budget -= end - start
        const part: AnswerRecord[] = []
        // Not at the file's beginning: the first line may be the rest of one that the earlier part begins.
        let first = start > 0
        let firstEnd = end
        for await (const line of eachLine(path, start, end)) {
          if (first) {
            firstEnd = line.end
            first = false
            continue
          }
          const record = recordOf(line.text)
          if (record?.kind === 'answer' && record.workspace === workspace && record.endpoint === endpoint)
            part.push(record)
        }
        found.push(...part.reverse())
        end = start === 0 ? 0 : Math.min(firstEnd, end - 1)
      }
    }
    return found.slice(0, limit)
  }

  /** Every answer of an endpoint whose event time lies in [from, to), in the order of the log, as far as it was counted. */
  async *between(db: Queryable, key: EndpointKey, from: Date, to: Date): AsyncGenerator<AnswerRecord> {
    for (const name of await segmentsBetween(db, from, to)) {
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
