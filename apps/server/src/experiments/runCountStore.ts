import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { Fragment } from './conditions.ts'
import { anyOf } from './questions.ts'
import type { Lifecycle } from './types.ts'

// Runs are counted up to a number, the mark, and by experiment and stage of life. Whoever adds runs does nothing for it: what lies beyond the
// mark is counted by looking, and now and then the mark moves up. Whoever moves a run below it to another stage, or drops it, says so here.

/** Up to which number runs are in `run_count`. */
const MARK = sql.raw('coalesce((select upto from run_counted), 0)')

/** The mark, and the last number there is. */
const REACH = sql`${MARK} as mark, coalesce((select max(no) from run), 0) as last`

interface Reach {
  readonly mark: number
  readonly last: number
}

const MOST_NAMED = 50_000

/** How many runs there are, exactly, and how many numbers lie beyond the mark. */
export async function countAllRuns(
  db: Queryable,
  workspace: string,
  experiments: readonly number[] | null,
  stages: readonly Lifecycle[],
): Promise<{ total: number; behind: number }> {
  const which = sql`workspace = ${workspace} and lifecycle = any (${stages}::text[])
    ${experiments === null ? sql`` : sql`and experiment = ${anyOf(experiments)}`}`
  const { rows: known } = await sql<Reach & { total: number }>`
    select (select coalesce(sum(n), 0)::bigint from run_count where ${which}) as total, ${REACH}`.execute(db)
  const { total, mark, last } = known[0] ?? { total: 0, mark: 0, last: 0 }
  if (last <= mark) return { total, behind: 0 }
  const { rows } = await sql<{
    late: number
  }>`select count(*) as late from ${beyond(mark, last)} where ${which}`.execute(db)
  return { total: total + (rows[0]?.late ?? 0), behind: last - mark }
}

/**
 * Runs beyond the mark, to be read from. They are found by their numbers whatever the planner thinks: of an open range it may expect a third of
 * all runs, so few are named one by one, and `offset 0` keeps other conditions from choosing another index.
 */
function beyond(mark: number, last: number): Fragment {
  const which =
    last - mark > MOST_NAMED
      ? sql`no > ${mark}`
      : sql`no = any (array(select generate_series(${mark}::bigint + 1, ${last}::bigint)))`
  return sql`(select workspace, experiment, lifecycle from run where ${which} offset 0) late`
}

/** How many active runs each experiment has, and when its newest began. */
export async function runCounts(
  db: Queryable,
  workspace: string,
): Promise<Map<number, { runs: number; lastStartMs: number | null }>> {
  const { rows: known } = await sql<Reach>`select ${REACH}`.execute(db)
  const { mark, last } = known[0] ?? { mark: 0, last: 0 }
  const { rows } = await sql<{ experiment: number; runs: number; last: number | null }>`
    with late as materialized (
      select experiment, count(*) as n from ${beyond(mark, last)} where workspace = ${workspace} and lifecycle = 'active' group by experiment
    )
    select e.id as experiment, coalesce(c.n, 0) + coalesce(l.n, 0) as runs, newest.start_ms as last
    from experiment e
    left join run_count c on c.workspace = e.workspace and c.experiment = e.id and c.lifecycle = 'active'
    left join late l on l.experiment = e.id
    left join lateral (
      select r.start_ms from run r where r.workspace = e.workspace and r.experiment = e.id and r.lifecycle = 'active'
      order by r.start_ms desc, r.id limit 1
    ) newest on true
    where e.workspace = ${workspace}`.execute(db)
  return new Map(rows.map((row) => [row.experiment, { runs: row.runs, lastStartMs: row.last }]))
}

/** Counts by which `run_count` changes: rows of workspace, experiment, lifecycle and `n`. */
function changed(rows: Fragment): Fragment {
  return sql`
    insert into run_count (workspace, experiment, lifecycle, n)
    select workspace, experiment, lifecycle, sum(n) from (${rows}) c group by 1, 2, 3 having sum(n) <> 0 order by 1, 2, 3
    on conflict (workspace, experiment, lifecycle) do update set n = run_count.n + excluded.n`
}

/**
 * The count's part of a change of life, to be one of the statement's own steps.
 * @param runs a table of the statement: no, workspace, experiment and lifecycle of the runs before the change, locked
 */
export function countMoved(runs: Fragment, to: Fragment): Fragment {
  return changed(sql`
    select workspace, experiment, lifecycle, -1 as n from ${runs} where no <= ${MARK}
    union all select workspace, experiment, ${to}, 1 from ${runs} where no <= ${MARK}`)
}

/**
 * The count's part of a deletion, to be one of the steps of the statement that deletes: a statement before it would let the mark pass the runs
 * in between, and they would be counted for good.
 * @param runs a table of the statement: no, workspace, experiment and lifecycle of the runs that are gone
 */
export function countDropped(runs: Fragment): Fragment {
  return changed(sql`select workspace, experiment, lifecycle, -1 as n from ${runs} where no <= ${MARK}`)
}

/** All runs of an experiment are now in one stage; that must have been written in the same transaction. */
export async function countExperimentMoved(
  tx: Tx,
  workspace: string,
  experiment: number,
  to: Lifecycle,
): Promise<void> {
  await changed(sql`
    select workspace, experiment, unnest(array[lifecycle, ${to}::text]) as lifecycle, unnest(array[-n, n]) as n from run_count
    where workspace = ${workspace} and experiment = ${experiment}`).execute(tx)
}

/** An experiment is gone for good, with all its runs. */
export async function countExperimentDropped(tx: Tx, workspace: string, experiment: number): Promise<void> {
  await sql`delete from run_count where workspace = ${workspace} and experiment = ${experiment}`.execute(tx)
}

/** So many numbers are counted while writers of runs wait: some milliseconds. */
const MOST_COUNTED = 20_000

/**
 * Moves the mark up. Below it no run may still be on its way into the table, so it is done while nobody else writes runs.
 * @returns how many numbers are left beyond it
 * @throws a database error 55P03 when somebody else writes at this moment
 */
export async function moveMark(tx: Tx): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtextextended('run-count', 0))`.execute(tx)
  await sql`lock table run in share mode nowait`.execute(tx)
  const { rows } = await sql<Reach>`select ${REACH}`.execute(tx)
  const { mark, last } = rows[0] ?? { mark: 0, last: 0 }
  const next = Math.min(last, mark + MOST_COUNTED)
  if (next <= mark) return 0
  await changed(
    sql`select workspace, experiment, lifecycle, 1 as n from run where no > ${mark} and no <= ${next}`,
  ).execute(tx)
  await sql`insert into run_counted (upto) values (${next}) on conflict (one) do update set upto = excluded.upto`.execute(
    tx,
  )
  return last - next
}
