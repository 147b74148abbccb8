import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import type { VersionKey } from '../runtime/store.ts'

/** A version that waits for its preparation, and who registered it. */
export interface Preparation extends VersionKey {
  readonly state: 'waiting' | 'done' | 'failed'
  readonly problem: string | null
  readonly cause: string | null
  readonly correlation: string | null
  readonly actorKind: 'person' | 'service' | 'system'
  readonly actorId: string
  readonly attempts: number
}

const COLUMNS = sql.raw(
  `workspace, model, version, state, problem, cause, correlation, actor_kind as "actorKind", actor_id as "actorId", attempts`,
)

/** Has a version wait, unless it did before. */
export async function insertPreparation(tx: Tx, asked: Preparation, now: Date): Promise<void> {
  const a = asked
  await sql`
    insert into version_preparation (workspace, model, version, state, cause, correlation, actor_kind, actor_id, requested_at)
    values (${a.workspace}, ${a.model}, ${a.version}, 'waiting', ${a.cause}, ${a.correlation}, ${a.actorKind}, ${a.actorId}, ${now})
    on conflict do nothing`.execute(tx)
}

/** The version that has waited longest, and since `until` at least, with one more try counted. */
export async function takeNext(db: Queryable, until: Date): Promise<Preparation | null> {
  const { rows } = await sql<Preparation>`
    update version_preparation set attempts = attempts + 1
    where (workspace, model, version) in (
      select workspace, model, version from version_preparation
      where state = 'waiting' and requested_at <= ${until} order by requested_at, model, version limit 1 for update skip locked)
    returning ${COLUMNS}`.execute(db)
  return rows[0] ?? null
}

/** Ends a preparation. */
export async function finish(db: Queryable, key: VersionKey, problem: string | null, now: Date): Promise<void> {
  await sql`
    update version_preparation set state = ${problem === null ? 'done' : 'failed'}, problem = ${problem}, finished_at = ${now}
    where workspace = ${key.workspace} and model = ${key.model} and version = ${key.version}`.execute(db)
}

/** How far a version's preparation is; null when it has none. */
export async function preparationOf(db: Queryable, key: VersionKey): Promise<Preparation | null> {
  const { rows } = await sql<Preparation>`
    select ${COLUMNS} from version_preparation
    where workspace = ${key.workspace} and model = ${key.model} and version = ${key.version}`.execute(db)
  return rows[0] ?? null
}
