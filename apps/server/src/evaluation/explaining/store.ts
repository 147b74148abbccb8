import type { ImportanceResult } from '@tidemark/workers'
import { type Queryable, sql } from '../../platform/index.ts'
import type { VersionKey } from '../runtime/store.ts'

/** What was measured of a version; null before, or when it cannot be. */
export async function importanceOf(
  db: Queryable,
  key: VersionKey,
): Promise<{ readonly measured: ImportanceResult; readonly at: Date } | null> {
  const { rows } = await sql<{ measured: ImportanceResult; at: Date }>`
    select measured, measured_at as at from version_importance
    where workspace = ${key.workspace} and model = ${key.model} and version = ${key.version}`.execute(db)
  return rows[0] ?? null
}

/** Keeps the first measurement: neither the version's files nor its training rows change. */
export async function saveImportance(db: Queryable, key: VersionKey, measured: ImportanceResult): Promise<void> {
  await sql`
    insert into version_importance (workspace, model, version, measured)
    values (${key.workspace}, ${key.model}, ${key.version}, ${JSON.stringify(measured)}::jsonb) on conflict do nothing`.execute(
    db,
  )
}
