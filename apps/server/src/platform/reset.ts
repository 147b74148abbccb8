import { type Db, inTransaction, type Queryable, sql, type Tx } from './db.ts'

/** What a module does when everything is emptied: puts back the rows that its migrations made, drops what it keeps in memory. */
export type ResetStep = (tx: Tx) => unknown

// A table beyond this is truncated, 2 ms each; below it a DELETE is cheaper, 0.6 ms for 1,000 rows, 13 ms for 4 MB. To truncate all tables,
// filled or not, takes 52–62 ms: a new file for each and for its indexes (embedded PostgreSQL, fsync on).
const TRUNCATE_BYTES = 512 * 1024
const TRIES = 5
const DEADLOCK = '40P01'

interface Table {
  readonly oid: number
  /** Quoted, with its schema. */
  readonly name: string
  /** Oids of the tables that it refers to. */
  readonly parents: readonly number[]
}

/**
 * Empties the platform, for tests that want a new one without starting one (`--dev-reset`). Modules subscribe here, so that nothing in memory
 * outlives the rows that it was read from.
 */
export class Resets {
  private readonly kept = new Set(['schema_migration'])
  private readonly steps: ResetStep[] = []

  /** Tables that outlive a reset, because they speak of the machine and not of its data. They may refer to no table that is emptied. */
  keep(...tables: readonly string[]): void {
    for (const table of tables) this.kept.add(table)
  }

  /** Runs in the reset's transaction, after all tables were emptied. Steps run in the order of their subscription. */
  onReset(step: ResetStep): void {
    this.steps.push(step)
  }

  /** Empties every table that is not kept and runs the steps, all in one transaction. Numbers of sequences begin anew. */
  async empty(db: Db): Promise<void> {
    for (let left = TRIES; ; left -= 1) {
      try {
        await inTransaction(db, async (tx) => {
          await emptyTables(tx, [...this.kept])
          for (const step of this.steps) await step(tx)
        })
        return
      } catch (error) {
        // Work under way may have locked the same tables in another order.
        if ((error as { code?: unknown }).code !== DEADLOCK || left === 1) throw error
      }
    }
  }
}

async function emptyTables(tx: Tx, kept: readonly string[]): Promise<void> {
  const tables = childrenFirst(await filledTables(tx, kept))
  const large = tables.filter(({ bytes }) => bytes > TRUNCATE_BYTES)
  const statements = tables.filter(({ bytes }) => bytes <= TRUNCATE_BYTES).map(({ name }) => `delete from ${name}`)
  // Whatever refers to a truncated table is to be emptied as well.
  if (large.length > 0) statements.unshift(`truncate ${large.map(({ name }) => name).join(', ')} cascade`)
  if (statements.length > 0) await sql.raw(statements.join(';\n')).execute(tx)
  await sql`
    select setval(s.oid::regclass, q.seqstart, false)
    from pg_class s join pg_sequence q on q.seqrelid = s.oid
      left join pg_depend d on d.objid = s.oid and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
      left join pg_class t on t.oid = d.refobjid
    where s.relnamespace = current_schema()::regnamespace and (t.relname is null or t.relname <> all (${kept}::text[]))`.execute(
    tx,
  )
}

/** Tables that have pages: one that has none has no rows. */
async function filledTables(db: Queryable, kept: readonly string[]): Promise<(Table & { readonly bytes: number })[]> {
  const { rows } = await sql<Table & { bytes: number }>`
    select c.oid::int as oid, format('%I.%I', c.relnamespace::regnamespace, c.relname) as name, pg_relation_size(c.oid) as bytes,
      array(select f.confrelid::int from pg_constraint f
        where f.contype = 'f' and f.conrelid = c.oid and f.confrelid <> c.oid) as parents
    from pg_class c
    where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace and c.relname <> all (${kept}::text[])
    order by c.relname`.execute(db)
  return rows.filter(({ bytes }) => bytes > 0)
}

/** Orders tables so that a row goes before those that it refers to. */
export function childrenFirst<T extends Table>(tables: readonly T[]): T[] {
  const left = new Map(tables.map((table) => [table.oid, table]))
  const ordered: T[] = []
  while (left.size > 0) {
    const wanted = new Set([...left.values()].flatMap(({ parents }) => parents))
    const free = [...left.values()].filter(({ oid }) => !wanted.has(oid))
    if (free.length === 0) throw new Error('Tables refer to each other in a circle.')
    for (const table of free) left.delete(table.oid)
    ordered.push(...free)
  }
  return ordered
}
