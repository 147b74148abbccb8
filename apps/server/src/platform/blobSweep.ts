import { setTimeout as sleep } from 'node:timers/promises'
import { blobsSwept, type SweepReport } from '@tidemark/contracts'
import type { Actor } from './actor.ts'
import { type BlobColumns, owners } from './blobColumns.ts'
import { LOCK_GROUPS, lockKeys } from './blobs.ts'
import { inTransaction, type Queryable, sql, type Tx } from './db.ts'
import type { Platform } from './platform.ts'

export interface SweepOptions {
  /** True: count, delete nothing. */
  readonly dryRun: boolean
  /** Blobs written less than this ago are left alone, owned or not: their work may not have come to its transaction yet. */
  readonly graceSeconds: number
}

/** Blobs deleted under one lock. */
const BATCH = 1000
// Uploads hold a group's lock for milliseconds each; after two seconds without a gap the group waits for the next sweep.
const LOCK_TRIES = 40
const LOCK_WAIT_MILLISECONDS = 50

type Counts = { -readonly [K in keyof SweepReport]: SweepReport[K] }

/**
 * Deletes blobs that nothing names any more. First it marks: what the declared columns name is owned, what they do not and is older than the
 * grace is a candidate. Then it deletes candidates in batches, each under a lock that no grant passes: who granted before has committed and is
 * seen by the second look, who comes after finds the bytes missing and is told to send them again. So nothing acknowledged is ever lost.
 */
export function createBlobSweep(platform: Platform, columns: BlobColumns) {
  const { db, blobs, clock, events } = platform
  const owned = owners(columns)
  const withoutOwner = sql`not exists (select from ${owned} o where o.workspace = g.workspace and o.digest = g.digest)`

  /** Digests of a group that look like nobody's: files without an owner, and grants of workspaces that own nothing of it. */
  async function candidates(group: string, counts: Counts): Promise<string[]> {
    const prefix = `sha256:${group}%`
    const named = await sql<{ digest: string }>`
      select distinct digest from ${owned} o where digest like ${prefix}`.execute(db)
    const kept = new Set(named.rows.map(({ digest }) => digest))
    const grants = await sql<{ digest: string }>`
      select distinct g.digest from blob_grant g where g.digest like ${prefix} and ${withoutOwner}`.execute(db)
    const found = new Set(grants.rows.map(({ digest }) => digest))
    for await (const digests of blobs.stored(group)) {
      counts.stored += digests.length
      for (const digest of digests) if (!kept.has(digest)) found.add(digest)
    }
    return [...found]
  }

  /** Looks again at candidates and deletes what is still nobody's and old enough; `dryRun` only counts. */
  async function sweepBatch(on: Queryable, digests: readonly string[], before: Date, counts: Counts): Promise<void> {
    const named = await sql<{ digest: string }>`
      select distinct digest from ${owned} o where digest = any (${digests}::text[])`.execute(on)
    const kept = new Set(named.rows.map(({ digest }) => digest))
    const old: { digest: string; bytes: number | null }[] = []
    for (const digest of digests) {
      const found = await blobs.look(digest)
      if (found && found.writtenAt >= before) counts.young += kept.has(digest) ? 0 : 1
      else old.push({ digest, bytes: found?.bytes ?? null })
    }
    const these = sql`g.digest = any (${old.map(({ digest }) => digest)}::text[]) and ${withoutOwner}`
    const revoked = counts.dryRun
      ? await sql`select from blob_grant g where ${these}`.execute(on)
      : await sql`delete from blob_grant g where ${these} returning 1`.execute(on)
    counts.revoked += revoked.rows.length
    for (const { digest, bytes } of old) {
      if (kept.has(digest) || bytes === null) continue
      if (!counts.dryRun) await blobs.delete(digest)
      counts.swept += 1
      counts.sweptBytes += bytes
    }
  }

  /** Runs `work` in a transaction that holds the group's lock alone; false when uploads left no gap for it. */
  async function alone(group: string, work: (tx: Tx) => Promise<void>): Promise<boolean> {
    for (let attempt = 0; attempt < LOCK_TRIES; attempt++) {
      // Asked for, not waited for: a waiting lock would hold up every upload that comes after it.
      const done = await inTransaction(db, async (tx) => {
        const { rows } = await sql<{
          got: boolean
        }>`select pg_try_advisory_xact_lock(${lockKeys(group)}) as got`.execute(tx)
        if (!rows[0]?.got) return false
        await work(tx)
        return true
      })
      if (done) return true
      await sleep(LOCK_WAIT_MILLISECONDS)
    }
    return false
  }

  return {
    /** Deletes what nobody owns, in all workspaces; see `SweepOptions`. Counts are of blobs, sizes in bytes. */
    async sweepBlobs(actor: Actor, { dryRun, graceSeconds }: SweepOptions): Promise<SweepReport> {
      actor.require('platform.manage', 'blobs')
      const before = new Date(clock.now().getTime() - graceSeconds * 1000)
      const counts: Counts = { dryRun, stored: 0, swept: 0, sweptBytes: 0, young: 0, revoked: 0, busy: 0 }
      for (const group of LOCK_GROUPS) {
        const found = await candidates(group, counts)
        for (let from = 0; from < found.length; from += BATCH) {
          const batch = found.slice(from, from + BATCH)
          if (dryRun) await sweepBatch(db, batch, before, counts)
          else if (!(await alone(group, (tx) => sweepBatch(tx, batch, before, counts)))) {
            // A backup holds all groups for minutes: the rest would wait as long for nothing.
            counts.busy += found.length - from
            break
          }
        }
      }
      if (!dryRun && counts.swept + counts.revoked > 0) {
        await inTransaction(db, (tx) => events.append(tx, actor, blobsSwept, { ...counts, graceSeconds }))
      }
      return counts
    },
  }
}
