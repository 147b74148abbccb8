import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type InputColumn, LogRecord, timeOfUuidv7 } from '@tidemark/contracts'
import { lockKeys } from '../../../platform/blobs.ts'
import { inTransaction, isConnectionLoss, type Platform, type Queryable, sql } from '../../../platform/index.ts'
import { eachLine, parseLine, type SegmentName, segmentPath } from '../segments.ts'
import { crowdOf } from './crowd.ts'
import type { Erasure } from './erasure.ts'
import { ParquetFiles } from './parquet.ts'
import { type ArchiveRow, recordsOf } from './rows.ts'
import * as store from './store.ts'

type Place = Pick<store.ArchiveFile, 'workspace' | 'endpoint' | 'kind' | 'day'>

const ROUND_MILLISECONDS = 2_000
const SEGMENTS_A_ROUND = 16
/** With so many segments waiting, a gigabyte, it makes no pauses. */
const SEGMENTS_THAT_HURRY = 128
/** Pause after a segment, in times of what it took: who asks for predictions on this machine comes first. */
const REST = 3
const TIDY_MILLISECONDS = 60_000
/** So long a reader that asked for the name of a segment or file before another took its place finds it on the disk. */
const LINGER_MILLISECONDS = 30_000
/** So many files of one size become one while their day still grows; an older day is made one as soon as it has two. */
const CROWD = 12
/** Files that no row names, of a server that was killed, are removed when they are this old. */
const ORPHAN_MILLISECONDS = 3_600_000

export interface ArchivePorts {
  /** Signature of an endpoint; null when there is none of this name any more. */
  columns(db: Queryable, workspace: string, endpoint: string): Promise<readonly InputColumn[] | null>
  /** Days for which an endpoint keeps predictions; null: for ever. */
  retentionDays(db: Queryable, workspace: string, endpoint: string): Promise<number | null>
}

/**
 * The older part of the prediction log: segments that were read to their end become Parquet files, one for each endpoint, day and kind, and are
 * removed. What monitoring and rollouts have yet to read is never in a segment that goes.
 */
export class Archive {
  readonly files: ParquetFiles
  private readonly platform: Platform
  private readonly ports: ArchivePorts
  private readonly segments: string
  private erasure: Erasure | undefined
  private timer: NodeJS.Timeout | undefined
  private round: Promise<void> | undefined
  private readonly stopping = new AbortController()
  private swept = false
  /** Files that are no longer part of the archive, and since when, milliseconds since 1970. */
  private leaving: { readonly file: store.ArchiveFile; readonly since: number }[] = []
  /** When days are merged and forgotten though nothing came, milliseconds since 1970. */
  private tidyAt = 0

  /** @param segments folder of the log's segments */
  constructor(platform: Platform, ports: ArchivePorts, segments: string) {
    this.platform = platform
    this.ports = ports
    this.segments = segments
    const { dataDir } = platform.config
    this.files = new ParquetFiles(join(dataDir, 'predictions'), join(dataDir, 'data-work', 'predictions'))
    platform.resets.onReset(() => rm(this.files.folder, { recursive: true, force: true }))
  }

  /** What is to be left out of files that are made while an erasure is under way, and takes part in each round. */
  withErasure(erasure: Erasure): void {
    this.erasure = erasure
  }

  start(): void {
    this.timer = setInterval(() => this.soon(REST), ROUND_MILLISECONDS)
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    clearInterval(this.timer)
    await this.round
    await this.files.close()
  }

  /** One round now, without pauses; waits for one that is under way first. */
  async run(): Promise<void> {
    await this.round
    this.soon(0)
    await this.round
  }

  private soon(rest: number): void {
    if (this.stopping.signal.aborted) return
    this.round ??= this.once(rest)
      .catch((error: unknown) => {
        if (isConnectionLoss(error)) this.platform.log.warn({ err: error }, 'the archive waits for PostgreSQL')
        else this.platform.log.error({ err: error }, 'the archive of the prediction log failed, it tries again')
      })
      .finally(() => {
        this.round = undefined
      })
  }

  private async once(rest: number): Promise<void> {
    const { db } = this.platform
    const segments = await store.segmentsToArchive(db, SEGMENTS_THAT_HURRY)
    for (const name of segments.slice(0, SEGMENTS_A_ROUND)) {
      if (this.stopping.signal.aborted) return
      const begun = performance.now()
      await this.archive(name)
      if (segments.length < SEGMENTS_THAT_HURRY) await this.pause((performance.now() - begun) * rest)
    }
    if (segments.length > 0 || this.tidyAt <= Date.now()) {
      await this.merge()
      await this.forget()
      this.tidyAt = Date.now() + TIDY_MILLISECONDS
    }
    await this.removeSegments()
    await this.removeLeaving()
    if (!this.swept) this.swept = await this.sweep(ORPHAN_MILLISECONDS)
    await this.erasure?.advance()
  }

  private async pause(milliseconds: number): Promise<void> {
    if (milliseconds > 0) await sleep(milliseconds, undefined, { signal: this.stopping.signal }).catch(() => {})
  }

  /** Signature of the endpoint that a file is of. */
  async signature({ workspace, endpoint }: Pick<Place, 'workspace' | 'endpoint'>): Promise<readonly InputColumn[]> {
    return (await this.ports.columns(this.platform.db, workspace, endpoint)) ?? []
  }

  private async archive(name: SegmentName): Promise<void> {
    const { db, clock } = this.platform
    const groups = await this.groups(name)
    const made: store.ArchiveFile[] = []
    for (const { place, records } of groups) {
      const kept = this.erasure ? await this.erasure.without(records) : records
      const ids = kept.map((record) => record.id)
      const known = ids.length === 0 ? [] : await store.filesOf(db, { ...place, ids })
      const file = await this.files.write(place, kept, await this.signature(place), known)
      if (file) made.push(file)
    }
    await inTransaction(db, (tx) => store.saveArchived(tx, name, made, clock.now()))
  }

  private async groups(name: SegmentName): Promise<{ place: Place; records: LogRecord[] }[]> {
    const groups = new Map<string, { place: Place; records: LogRecord[] }>()
    let first = true
    for await (const { text } of eachLine(segmentPath(this.segments, name))) {
      const parsed = parseLine(text, first)
      first = false
      if (parsed.kind === 'unreadable')
        this.platform.log.error({ ...name, reason: parsed.reason }, 'an unreadable line is not in the archive')
      if (parsed.kind !== 'record') continue
      const { record } = parsed
      const { workspace, endpoint, kind } = record
      const place = { workspace, endpoint, kind, day: dayOf(new Date(timeOfUuidv7(record.id))) }
      const key = JSON.stringify(place)
      const group = groups.get(key) ?? { place, records: [] }
      group.records.push(record)
      groups.set(key, group)
    }
    return [...groups.values()]
  }

  /** Makes one file of the many that the segments of a day left. */
  private async merge(): Promise<void> {
    const { db, clock } = this.platform
    for (const place of await store.crowdedDays(db, CROWD, dayOf(clock.now()))) {
      if (this.stopping.signal.aborted) return
      const files = await store.filesOf(db, place)
      const before = place.day < dayOf(clock.now()) ? files : crowdOf(files, CROWD)
      if (before.length === 0) continue
      const after = await this.files.rewrite(place, before)
      await this.replace(before, after ? [after] : [])
    }
  }

  /** Puts files in the place of others, which go a while later; false when somebody else was faster. */
  async replace(before: readonly store.ArchiveFile[], after: readonly store.ArchiveFile[]): Promise<boolean> {
    const done = await inTransaction(this.platform.db, (tx) => store.replaceFiles(tx, before, after))
    if (done) this.leave(before)
    else await this.remove(after)
    return done
  }

  private leave(files: readonly store.ArchiveFile[]): void {
    const since = this.platform.clock.now().getTime()
    this.leaving.push(...files.map((file) => ({ file, since })))
  }

  private async removeLeaving(): Promise<void> {
    const before = this.platform.clock.now().getTime() - LINGER_MILLISECONDS
    const due = this.leaving.filter(({ since }) => since < before)
    if (due.length === 0) return
    this.leaving = this.leaving.filter(({ since }) => since >= before)
    await this.remove(due.map(({ file }) => file))
  }

  /** Removes what the endpoints' policies keep no longer. */
  private async forget(): Promise<void> {
    const { db, clock } = this.platform
    for (const { workspace, endpoint } of await store.archivedEndpoints(db)) {
      const days = await this.ports.retentionDays(db, workspace, endpoint)
      if (days === null) continue
      const first = dayOf(new Date(clock.now().getTime() - days * 86_400_000))
      const old = await store.filesBefore(db, workspace, endpoint, first)
      if (old.length === 0) continue
      await inTransaction(db, (tx) =>
        store.deleteFiles(
          tx,
          old.map((each) => each.file),
        ),
      )
      this.leave(old)
      const predictions = old.reduce((sum, each) => sum + each.predictions, 0)
      this.platform.log.info({ workspace, endpoint, predictions, before: first }, 'predictions kept no longer')
    }
  }

  private async removeSegments(): Promise<void> {
    const { db, clock } = this.platform
    const due = await store.segmentsToRemove(db, new Date(clock.now().getTime() - LINGER_MILLISECONDS))
    if (due.length === 0) return
    await this.alone(async () => {
      for (const name of due) await rm(segmentPath(this.segments, name), { force: true })
      await inTransaction(db, (tx) => store.markRemoved(tx, due))
    })
  }

  /** Removes files that are not part of the archive; what a backup holds is left to the sweep. */
  private async remove(files: readonly store.ArchiveFile[]): Promise<void> {
    const gone = await this.alone(async () => {
      for (const file of files) await rm(this.files.pathOf(file), { force: true })
    })
    if (!gone) this.swept = false
  }

  /**
   * Removes files that no row names and that are older than so many milliseconds: of a server that was killed between writing and saying so, or of a
   * time when a backup ran. Only in a round: nothing is being written then. @returns false when a backup holds them
   */
  async sweep(olderThan: number): Promise<boolean> {
    const known = await store.allFiles(this.platform.db)
    const before = Date.now() - olderThan
    return this.alone(async () => {
      for (const entry of await readdir(this.files.folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
        const path = join(entry.parentPath, entry.name)
        if (!entry.isFile() || known.has(entry.name)) continue
        if ((await stat(path)).mtimeMs <= before) await rm(path, { force: true })
      }
    })
  }

  /** Deletes while no backup runs: what a backup has listed must be there when it comes to copy it. */
  private async alone(work: () => Promise<void>): Promise<boolean> {
    return inTransaction(this.platform.db, async (tx) => {
      const { rows } = await sql<{ got: boolean }>`select pg_try_advisory_xact_lock(${lockKeys('0')}) as got`.execute(
        tx,
      )
      if (!rows[0]?.got) return false
      await work()
      return true
    })
  }

  /** Records of files, in the order of their ids. */
  async *records(files: readonly store.ArchiveFile[], condition?: string): AsyncGenerator<LogRecord> {
    for (const [, group] of Map.groupBy(files, ({ workspace, endpoint, kind }) => `${workspace}/${endpoint}/${kind}`)) {
      const [place] = group
      if (!place) continue
      for (const file of group.toReversed()) {
        const rows: ArchiveRow[] = await this.files.rows(file, condition)
        const { kind, workspace, endpoint } = place
        for (const record of recordsOf(rows, { kind, workspace, endpoint })) {
          const parsed = LogRecord.safeParse(record)
          if (parsed.success) yield parsed.data as LogRecord
          else
            this.platform.log.error({ file: file.file, reason: parsed.error.message }, 'unreadable row in the archive')
        }
      }
    }
  }
}

/** Day in UTC. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10)
