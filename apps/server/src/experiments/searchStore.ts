import type { Clause, SortKey } from '@tidemark/mlflow-protocol'
import { type Queryable, type Shapes, sql } from '../platform/index.ts'
import { all, compare, compareList, direction, equalText, type Fragment } from './conditions.ts'
import type { RunCursor } from './cursor.ts'
import type { Lifecycle } from './types.ts'

export interface RunQuestion {
  /** null: all experiments of the workspace. */
  readonly experiments: readonly number[] | null
  readonly stages: readonly Lifecycle[]
  readonly clauses: readonly Clause[]
  readonly sort: readonly SortKey[]
  /** Numbers of the keys that clauses and sort keys name; a key without one was never used. */
  readonly keys: ReadonlyMap<string, number>
}

/** A place in a list: the run's number and what the list was sorted by there. */
export interface Place {
  readonly no: number
  readonly id: string
  readonly startMs: number
  /** The value of the metric that sorts first, where one does; null for a run without it. */
  readonly value: number | null
}

interface PlaceRow {
  no: number
  id: string
  start_ms: number
  value: number | null
}

const ATTRIBUTES: Readonly<Record<string, Fragment>> = {
  run_id: sql.raw('r.id'),
  run_name: sql.raw('r.name'),
  status: sql.raw('r.status'),
  user_id: sql.raw('r.user_id'),
  artifact_uri: sql.raw('r.artifact_uri'),
  start_time: sql.raw('r.start_ms'),
  end_time: sql.raw('r.end_ms'),
}

const TABLES: Readonly<Record<'metric' | 'parameter' | 'tag', Fragment>> = {
  metric: sql.raw('latest_metric'),
  parameter: sql.raw('run_parameter'),
  tag: sql.raw('run_tag'),
}

function test(column: Fragment, clause: Exclude<Clause, { kind: 'presence' }>): Fragment {
  return clause.kind === 'list' ? compareList(column, clause) : compare(column, clause)
}

/**
 * How a condition asks for a value of a run. `probe`: run by run, for lists that are walked in order and end early; the planner cannot turn it
 * into a join of all. `join`: for questions that look at everything.
 */
type Style = 'probe' | 'join'

/**
 * A comparison as a condition on the run `r`, whose number is `no`. A run without the key holds no comparison of it, not even `!=`.
 */
function condition(clause: Clause, keys: RunQuestion['keys'], style: Style, no: Fragment): Fragment {
  switch (clause.of) {
    case 'attribute': {
      const column = ATTRIBUTES[clause.key]
      if (!column) throw new Error(`Runs have no attribute ${clause.key}.`)
      return test(column, clause)
    }
    case 'dataset': {
      if (clause.key === 'context') {
        return sql`exists (select 1 from run_input i, jsonb_array_elements(i.tags) t where i.workspace = r.workspace and i.run = r.id
          and t ->> 'key' = 'mlflow.data.context' and ${test(sql.raw("t ->> 'value'"), clause)})`
      }
      const column = sql.raw(clause.key === 'name' ? 'i.name' : 'i.digest')
      return sql`exists (select 1 from run_input i where i.workspace = r.workspace and i.run = r.id and ${test(column, clause)})`
    }
    case 'metric':
    case 'parameter':
    case 'tag': {
      const key = keys.get(clause.key)
      if (key === undefined) return clause.kind === 'presence' && !clause.present ? sql`true` : sql`false`
      const from = sql`from ${TABLES[clause.of]} v where v.run = ${no} and v.key = ${key}`
      if (clause.kind === 'presence') {
        if (style === 'probe') return sql`(select true ${from}) is ${sql.raw(clause.present ? 'not null' : 'null')}`
        return sql`${sql.raw(clause.present ? '' : 'not')} exists (select 1 ${from})`
      }
      const held = heldBy(clause)
      return style === 'probe'
        ? sql`coalesce((select ${held} ${from}), false)`
        : sql`exists (select 1 ${from} and ${held})`
    }
  }
}

/** What a value `v.value` must hold. In SQL a NaN is greater than all numbers and equal to itself; here it is neither, and differs from all. */
function heldBy(clause: Exclude<Clause, { kind: 'presence' }>): Fragment {
  const held = test(sql.raw('v.value'), clause)
  const isNumber = clause.of === 'metric' && !(clause.kind === 'number' && clause.operator === '!=')
  return isNumber ? sql`${held} and v.value <> 'NaN'` : held
}

const RUN_NO = sql.raw('r.no')

// Joins of more tables than this take the planner longer than the question itself.
const MOST_JOINS = 6

/** How all runs of a question are best looked at. */
function styleOf(question: RunQuestion): Style {
  return question.clauses.length + question.sort.length > MOST_JOINS ? 'probe' : 'join'
}

/** The conditions on a run `r` of an experiment `e`. */
function where(question: RunQuestion, style: Style, no: Fragment = RUN_NO): Fragment {
  return sql`r.workspace = e.workspace and r.experiment = e.id and r.lifecycle = any (${question.stages}::text[])
    and ${all(question.clauses.map((clause) => condition(clause, question.keys, style, no)))}`
}

function within(workspace: string, question: RunQuestion): Fragment {
  const { experiments } = question
  return sql`e.workspace = ${workspace} ${experiments === null ? sql`` : sql`and e.id = any (${experiments}::bigint[])`}`
}

/**
 * How a list is read. The first two walk an index from the place where the page before ended, so that a page costs the same at the end of a
 * million runs as at their beginning; anything else sorts what it finds.
 */
export type Walk = { kind: 'newest' } | { kind: 'metric'; key: string; ascending: boolean } | { kind: 'sorted' }

/** The walk that answers these sort keys. */
export function walkOf(sort: readonly SortKey[]): Walk {
  const [first, second] = sort
  const newest = (key: SortKey) => key.of === 'attribute' && key.key === 'start_time' && !key.ascending
  if (!first || (newest(first) && !second)) return { kind: 'newest' }
  if (first.of === 'metric' && (!second || (newest(second) && sort.length === 2))) {
    return { kind: 'metric', key: first.key, ascending: first.ascending }
  }
  return { kind: 'sorted' }
}

// Up to so many runs are looked at one by one rather than walked to. To find out costs half a millisecond; more would cost more than it saves.
const FEW = 250

/** The clauses that an index answers by itself: text that equals, numbers within bounds. */
function selective(question: RunQuestion): Fragment[] {
  const found: Fragment[] = []
  for (const clause of question.clauses) {
    if (clause.of !== 'metric' && clause.of !== 'parameter' && clause.of !== 'tag') continue
    const key = question.keys.get(clause.key)
    if (key === undefined) continue
    const from = sql`select v.run from ${TABLES[clause.of]} v where v.key = ${key}`
    if (clause.kind === 'text' && clause.operator === '=')
      found.push(sql`${from} and ${equalText(sql.raw('v.value'), clause.value)}`)
    if (clause.kind === 'number' && clause.operator !== '!=' && question.experiments !== null) {
      found.push(sql`${from} and v.experiment = any (${question.experiments}::bigint[]) and ${heldBy(clause)}`)
    }
  }
  return found
}

/** The runs that a clause leaves when these are few; null when no clause does. */
async function candidatesOf(shapes: Shapes, question: RunQuestion): Promise<Fragment | null> {
  const clauses = selective(question)
  if (clauses.length === 0) return null
  const counts = clauses.map((clause) => sql`(select count(*) from (${clause} limit ${sql.lit(FEW + 1)}) few)`)
  const [row] = await shapes.run(sql<{ counts: number[] }>`select array[${sql.join(counts)}] as counts`)
  const counted = row?.counts ?? []
  const least = Math.min(...counted)
  return least > FEW ? null : (clauses[counted.indexOf(least)] ?? null)
}

/**
 * The next places of a list in its order: ties and by default the newest first, then by id. Runs without the metric that sorts come last either
 * way, those with a NaN before them.
 */
export async function placesAfter(
  db: Queryable,
  shapes: Shapes,
  workspace: string,
  question: RunQuestion,
  cursor: RunCursor,
  limit: number,
): Promise<Place[]> {
  const walk = walkOf(question.sort)
  const candidates = await candidatesOf(shapes, question)
  if (candidates) {
    // Few enough to be sorted whole; each page does it anew, which is cheaper than a walk past all others.
    return sortedPlaces(db, workspace, question, cursor.offset, limit, candidates)
  }
  switch (walk.kind) {
    case 'newest':
      return newestPlaces(shapes, workspace, question, cursor, limit)
    case 'metric':
      return metricPlaces(shapes, workspace, question, walk, cursor, limit)
    case 'sorted':
      return sortedPlaces(db, workspace, question, cursor.offset, limit, null)
  }
}

const BY_AGE = sql`start_ms desc, id`

/** True of runs that come after the cursor's among those of the same value. */
function younger(after: NonNullable<RunCursor['after']>): Fragment {
  return sql`r.start_ms <= ${after.startMs} and (r.start_ms < ${after.startMs} or r.id > ${after.id})`
}

async function newestPlaces(
  shapes: Shapes,
  workspace: string,
  question: RunQuestion,
  cursor: RunCursor,
  limit: number,
): Promise<Place[]> {
  const { after, offset } = cursor
  const skip = after ? 0 : offset
  const rows = await shapes.run(sql<PlaceRow>`
    select c.no, c.id, c.start_ms, null as value
    from experiment e cross join lateral (
      select r.no, r.id, r.start_ms from run r where ${where(question, 'probe')} ${after ? sql`and ${younger(after)}` : sql``}
      order by r.start_ms desc, r.id limit ${sql.lit(limit + skip)}
    ) c
    where ${within(workspace, question)} order by ${BY_AGE} limit ${sql.lit(limit)} offset ${skip}`)
  return rows.map(placeOf)
}

async function metricPlaces(
  shapes: Shapes,
  workspace: string,
  question: RunQuestion,
  walk: { key: string; ascending: boolean },
  cursor: RunCursor,
  limit: number,
): Promise<Place[]> {
  const key = question.keys.get(walk.key)
  if (key === undefined) return newestPlaces(shapes, workspace, question, cursor, limit)
  const { after } = cursor
  // A token of another server has an offset alone: then all is read up to there.
  const skip = after ? 0 : cursor.offset
  const wanted = limit + skip
  const pastNumbers = after !== undefined && !Number.isFinite(after.value ?? Number.NaN)
  const places = pastNumbers ? [] : await valuedPlaces(shapes, workspace, question, walk, key, after, wanted)
  if (places.length < wanted) {
    const from = pastNumbers ? after : undefined
    places.push(...(await unvaluedPlaces(shapes, workspace, question, key, from, wanted - places.length)))
  }
  return places.slice(skip)
}

/** Runs with a number for the metric. */
async function valuedPlaces(
  shapes: Shapes,
  workspace: string,
  question: RunQuestion,
  walk: { ascending: boolean },
  key: number,
  after: RunCursor['after'],
  limit: number,
): Promise<Place[]> {
  const order = sql.raw(walk.ascending ? 'value asc, start_ms desc, id' : 'value desc, start_ms desc, id')
  const beyond = sql.raw(walk.ascending ? '>' : '<')
  const next = after
    ? sql`and s.value ${beyond}= ${after.value}::float8 and (s.value ${beyond} ${after.value}::float8 or (${younger(after)}))`
    : sql``
  const rows = await shapes.run(sql<PlaceRow>`
    select c.no, c.id, c.start_ms, c.value
    from experiment e cross join lateral (
      select r.no, r.id, r.start_ms, s.value from latest_metric s join run r on r.no = s.run
      where s.experiment = e.id and s.key = ${key} and s.value <> 'NaN' ${next} and ${where(question, 'probe', sql.raw('s.run'))}
      order by ${order} limit ${sql.lit(limit)}
    ) c
    where ${within(workspace, question)} order by ${order} limit ${sql.lit(limit)}`)
  return rows.map(placeOf)
}

/** Runs with a NaN for the metric, then those without it. */
async function unvaluedPlaces(
  shapes: Shapes,
  workspace: string,
  question: RunQuestion,
  key: number,
  after: RunCursor['after'],
  limit: number,
): Promise<Place[]> {
  const beyond = (given: NonNullable<RunCursor['after']>) =>
    given.value === null
      ? sql`and s.value is null and ${younger(given)}`
      : sql`and (s.value is null or (${younger(given)}))`
  const order = sql`(s.value is null), r.start_ms desc, r.id`
  const rows = await shapes.run(sql<PlaceRow>`
    select c.no, c.id, c.start_ms, c.value
    from experiment e cross join lateral (
      select r.no, r.id, r.start_ms, s.value from run r left join latest_metric s on s.run = r.no and s.key = ${key}
      where (s.value is null or s.value = 'NaN') ${after ? beyond(after) : sql``} and ${where(question, 'probe')}
      order by ${order} limit ${sql.lit(limit)}
    ) c
    where ${within(workspace, question)} order by (c.value is null), ${BY_AGE} limit ${sql.lit(limit)}`)
  return rows.map(placeOf)
}

/** Sorts all that is found; for orders that no index has. */
async function sortedPlaces(
  db: Queryable,
  workspace: string,
  question: RunQuestion,
  offset: number,
  limit: number,
  candidates: Fragment | null,
): Promise<Place[]> {
  const joins: Fragment[] = []
  const order: Fragment[] = []
  for (const [index, key] of question.sort.entries()) {
    if (key.of === 'dataset') throw new Error('Runs are not sorted by data sets.')
    if (key.of === 'attribute') {
      const column = ATTRIBUTES[key.key]
      if (!column) throw new Error(`Runs are not sorted by ${key.key}.`)
      order.push(sql`${column} ${direction(key)} nulls last`)
      continue
    }
    const number = question.keys.get(key.key)
    if (number === undefined) continue
    const name = sql.raw(`s${index}`)
    joins.push(sql`left join ${TABLES[key.of]} ${name} on ${name}.run = r.no and ${name}.key = ${number}`)
    if (key.of === 'metric') {
      order.push(sql`case when ${name}.value = 'NaN' then 1 when ${name}.value is null then 2 else 0 end`)
    }
    order.push(sql`${name}.value ${direction(key)} nulls last`)
  }
  if (!question.sort.some((key) => key.of === 'attribute' && key.key === 'start_time')) order.push(sql`r.start_ms desc`)
  order.push(sql`r.id`)
  const joined = sql.join(joins, sql` `)
  const byMetric = walkOf(question.sort).kind === 'metric' && joins.length > 0
  const value = byMetric ? sql.raw('s0.value') : sql`null::float8`
  const runs = candidates
    ? sql`(${candidates} limit ${FEW + 1}) few join run r on r.no = few.run join experiment e on e.workspace = r.workspace and e.id = r.experiment`
    : sql`experiment e join run r on r.workspace = e.workspace and r.experiment = e.id`
  const { rows } = await sql<PlaceRow>`
    select r.no, r.id, r.start_ms, ${value} as value from ${runs} ${joined}
    where ${within(workspace, question)} and ${where(question, candidates ? 'probe' : styleOf(question))}
    order by ${sql.join(order)} limit ${limit} offset ${offset}`.execute(db)
  return rows.map(placeOf)
}

function placeOf(row: PlaceRow): Place {
  return { no: row.no, id: row.id, startMs: row.start_ms, value: row.value }
}

export async function countRuns(db: Queryable, workspace: string, question: RunQuestion): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from experiment e join run r on r.workspace = e.workspace and r.experiment = e.id
    where ${within(workspace, question)} and ${where(question, styleOf(question))}`.execute(db)
  return rows[0]?.count ?? 0
}
