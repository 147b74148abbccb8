import {
  type ErasureReport,
  type ErasureRequest,
  type ErasureView,
  type LogRecord,
  predictionsErased,
  uuidv7,
} from '@tidemark/contracts'
import { literal } from '../../../data/index.ts'
import { entityOf } from '../../../platform/folds.ts'
import { Actor, inTransaction, type Platform, type Queryable, type Tx } from '../../../platform/index.ts'
import { ErasureNotFound } from '../../errors.ts'
import { keyOf, readLines, SegmentFolder, segmentPath } from '../segments.ts'
import type { Archive } from './archive.ts'
import * as store from './erasureStore.ts'
import { type ArchiveFile, filesOf } from './store.ts'
import { hashedCaller, type Subject, withoutSubject } from './subject.ts'

/** Beyond every prediction. */
const LATEST_MILLISECONDS = 253_402_300_799_000

/** Erases what a module stored about a subject. @returns rows by what they are */
export type EraseStored = (tx: Tx, subject: Subject) => Promise<Readonly<Record<string, number>>>

export interface ErasureParts {
  readonly archive: Archive
  /** Folder of the log's segments. */
  readonly segments: string
  /** Key by which gateways hash callers, hex. */
  readonly logKey: () => string
  /** Of monitoring and of the other modules. */
  readonly stored: readonly EraseStored[]
  /** Asks the gateways to end their segments, so that they come to the archive soon. */
  readonly rotate: (tx: Tx) => Promise<void>
}

/**
 * Erases a data subject's rows by key: at once from the archive and the database, and from segments when they come to the archive, which leaves
 * them out. It is done when no file of before is left. Neither its event nor its report names the subject.
 */
export class Erasure {
  private readonly platform: Platform
  private readonly parts: ErasureParts
  private readonly folder: SegmentFolder
  /** Erasures under way whose subject is in no archive file any more: what comes to the archive later comes without it. */
  private readonly outOfFiles = new Set<string>()

  constructor(platform: Platform, parts: ErasureParts) {
    this.platform = platform
    this.parts = parts
    this.folder = new SegmentFolder(parts.segments)
  }

  /** Asks for an erasure: of everything that arrived until now. */
  async request(actor: Actor, asked: ErasureRequest): Promise<ErasureView> {
    actor.require('monitoring.erase', asked.endpoint)
    const { clock, db } = this.platform
    const kind = asked.entity === undefined ? 'caller' : 'entity'
    const key = asked.entity ?? asked.caller ?? ''
    const requestedAt = clock.now()
    const waiting: string[] = []
    for (const name of await this.folder.list(() => -1)) {
      // One with its header alone holds nothing, and is not ended before something is in it.
      const lines = await readLines(segmentPath(this.parts.segments, name), 0, 2)
      if (lines.length > 1) waiting.push(keyOf(name))
    }
    const erasure: store.StoredErasure = {
      workspace: actor.workspace,
      id: uuidv7(),
      endpoint: asked.endpoint ?? null,
      kind,
      key,
      reason: asked.reason,
      state: 'running',
      waiting,
      report: { predictions: 0, rows: 0, files: 0, stored: {} },
      actorKind: actor.kind,
      actorId: actor.id,
      requestedAt,
      finishedAt: null,
    }
    await inTransaction(db, async (tx) => {
      await store.insertErasure(tx, erasure)
      await this.parts.rotate(tx)
    })
    return viewOf(erasure)
  }

  async byId(workspace: string, id: string): Promise<ErasureView> {
    const found = await store.erasureById(this.platform.db, workspace, id)
    if (!found) throw ErasureNotFound(id)
    return viewOf(found)
  }

  async list(workspace: string): Promise<ErasureView[]> {
    return (await store.erasuresOf(this.platform.db, workspace)).map(viewOf)
  }

  /** Subjects of a workspace whose erasure is under way: what the log still has of them is shown to nobody. */
  async subjects(db: Queryable, workspace: string): Promise<Subject[]> {
    const running = await store.runningErasures(db)
    return running.filter((each) => each.workspace === workspace).map((each) => this.subjectOf(each))
  }

  /** Records on their way to the archive, without what is about subjects of erasures under way; counts what is left out. */
  async without(records: readonly LogRecord[]): Promise<LogRecord[]> {
    let kept = [...records]
    for (const erasure of await store.runningErasures(this.platform.db)) {
      const { left, report, nameless } = eraseFrom(kept, this.subjectOf(erasure))
      if (report.predictions > 0) await this.note(erasure, { ...report, files: 0 }, nameless)
      kept = left
    }
    return kept
  }

  /** One step of every erasure that is under way. */
  async advance(): Promise<void> {
    for (const erasure of await store.runningErasures(this.platform.db)) {
      if (!this.outOfFiles.has(erasure.id)) await this.eraseFiles(erasure)
      const there = new Set((await this.folder.list(() => -1)).map(keyOf))
      const waiting = erasure.waiting.filter((name) => there.has(name))
      // With files of before still on the disk (a backup holds them) it is not done.
      const clean = waiting.length === 0 && (await this.parts.archive.sweep(0))
      await this.eraseStored(erasure, waiting, clean)
      if (clean) this.outOfFiles.delete(erasure.id)
    }
  }

  private async eraseFiles(erasure: store.StoredErasure): Promise<void> {
    const { archive } = this.parts
    const subject = this.subjectOf(erasure)
    const { workspace, endpoint, keys, kind } = subject
    const column = kind === 'entity' ? 'entity' : 'caller'
    const condition = `${column} in (${keys.map(literal).join(', ')})`
    const files = await filesOf(this.platform.db, { workspace, ...(endpoint === null ? {} : { endpoint }) })
    let all = true
    for (const file of files) {
      if ((await archive.files.count(file, condition)) === 0) continue
      const records: LogRecord[] = []
      for await (const record of archive.records([file])) records.push(record)
      const { left, report, nameless } = eraseFrom(records, subject)
      if (report.predictions === 0) continue
      const after = await this.rewritten(file, left)
      if (await archive.replace([file], after)) await this.note(erasure, { ...report, files: 1 }, nameless)
      else all = false
    }
    if (all) this.outOfFiles.add(erasure.id)
  }

  /** Counts what went, and erases what is stored about rows that had no key but their prediction. */
  private async note(
    erasure: store.StoredErasure,
    numbers: Omit<ErasureReport, 'stored'>,
    nameless: readonly string[],
  ): Promise<void> {
    await inTransaction(this.platform.db, async (tx) => {
      await store.addToReport(tx, erasure, numbers)
      const { workspace, endpoint } = erasure
      const subject: Subject = { workspace, endpoint, kind: 'entity', keys: nameless, until: LATEST_MILLISECONDS }
      if (nameless.length > 0) for (const erase of this.parts.stored) await erase(tx, subject)
    })
  }

  private async rewritten(file: ArchiveFile, left: readonly LogRecord[]): Promise<ArchiveFile[]> {
    const written = await this.parts.archive.files.write(file, left, await this.parts.archive.signature(file), [])
    return written ? [written] : []
  }

  /** Erases what the database has; `done`: nothing is left to wait for. */
  private async eraseStored(erasure: store.StoredErasure, waiting: readonly string[], done: boolean): Promise<void> {
    const { platform, parts } = this
    const subject = this.subjectOf(erasure)
    await inTransaction(platform.db, async (tx) => {
      const locked = await store.lockErasure(tx, erasure)
      if (locked?.state !== 'running') return
      const stored: Record<string, number> = { ...locked.report.stored }
      for (const erase of parts.stored) {
        for (const [what, rows] of Object.entries(await erase(tx, subject)))
          if (rows > 0) stored[what] = (stored[what] ?? 0) + rows
      }
      const report: ErasureReport = { ...locked.report, stored }
      await store.saveErasure(tx, {
        ...locked,
        waiting: [...waiting],
        report,
        ...(done ? { state: 'done', key: null, finishedAt: platform.clock.now() } : {}),
      })
      if (!done) return
      const by = new Actor({ kind: locked.actorKind, id: locked.actorId, workspace: locked.workspace, permissions: [] })
      const { predictions, rows } = report
      const rowsStored = Object.values(stored).reduce((sum, count) => sum + count, 0)
      await platform.events.append(tx, by, predictionsErased, {
        erasure: locked.id,
        endpoint: locked.endpoint,
        kind: locked.kind,
        predictions,
        rows,
        stored: rowsStored,
      })
    })
  }

  private subjectOf({ workspace, endpoint, kind, key, requestedAt }: store.StoredErasure): Subject {
    const plain = key ?? ''
    const keys = kind === 'caller' ? [plain, hashedCaller(this.parts.logKey(), workspace, plain)] : [plain]
    return { workspace, endpoint, kind, keys, until: requestedAt.getTime() }
  }
}

/** Records without a subject, how many predictions and rows of it went, and what the labels of those of its rows that had no key are known by. */
export function eraseFrom(
  records: readonly LogRecord[],
  subject: Subject,
): { left: LogRecord[]; report: { predictions: number; rows: number }; nameless: string[] } {
  const left: LogRecord[] = []
  const nameless: string[] = []
  const report = { predictions: 0, rows: 0 }
  for (const record of records) {
    const kept = withoutSubject(record, subject)
    if (kept) left.push(kept)
    if (kept === record) continue
    report.predictions += 1
    if (!kept)
      for (const [row, entity] of record.entities.entries()) if (entity === null) nameless.push(entityOf(record, row))
    report.rows += kept
      ? record.entities.filter((entity, row) => entity !== kept.entities[row]).length
      : record.entities.length
  }
  return { left, report, nameless }
}

function viewOf(erasure: store.StoredErasure): ErasureView {
  const { id, endpoint, kind, reason, state, waiting, report, requestedAt, finishedAt } = erasure
  return {
    id,
    endpoint,
    kind,
    reason,
    state,
    waitsForSegments: waiting.length,
    report,
    requestedAt: requestedAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  }
}
