import type { SortKey } from '@tidemark/mlflow-protocol'
import type { RawBuilder } from 'kysely'
import { type Queryable, type Shapes, sql } from '../platform/index.ts'
import { direction, type Fragment } from './conditions.ts'
import type { RunCursor } from './cursor.ts'
import { ATTRIBUTES, anyOf, heldBy, isOfValue, type RunQuestion, type Style, TABLES, whereRun } from './questions.ts'
import { isHopeless, newestPlaces, type Place, type Reading, unnumberedPlaces, valuedPlaces } from './walkStore.ts'

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

// Joins of more tables than this take the planner longer than the question itself.
const MOST_JOINS = 6

/** How all runs of a question are best looked at. */
function styleOf(question: RunQuestion): Style {
  return question.clauses.length + question.sort.length > MOST_JOINS ? 'probe' : 'join'
}

interface PlaceRow {
  no: number
  id: string
  start_ms: number
  value: number | null
}

// Up to so many runs are looked at one by one rather than walked to. To find out costs half a millisecond; more would cost more than it saves.
const FEW = 250

/** The clauses that an index answers by itself: text that equals, numbers within bounds. */
function selective(question: RunQuestion): Fragment[] {
  const found: Fragment[] = []
  for (const clause of question.clauses) {
    if (!isOfValue(clause)) continue
    const key = question.keys.get(clause.key)
    if (key === undefined) continue
    const from = sql`select v.run from ${TABLES[clause.of]} v where v.key = ${key}`
    if (clause.kind === 'text' && clause.operator === '=') found.push(sql`${from} and ${heldBy(clause)}`)
    if (clause.kind === 'number' && clause.operator !== '!=' && question.experiments !== null) {
      found.push(sql`${from} and v.experiment = ${anyOf(question.experiments)} and ${heldBy(clause)}`)
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
  if (isHopeless(question) || question.experiments?.length === 0) return []
  const { offset } = cursor
  let candidates: Fragment | null | undefined
  const areFew = async () => {
    if (candidates === undefined) candidates = await candidatesOf(shapes, question)
    return candidates !== null
  }
  const walk = walkOf(question.sort)
  const run = shapes.run.bind(shapes)
  if (walk.kind === 'sorted') {
    await areFew()
    const ask = candidates ? run : async <Row>(text: RawBuilder<Row>) => (await text.execute(db)).rows
    return sortedPlaces(ask, workspace, question, offset, limit, candidates ?? null)
  }
  const walked = await walkedPlaces({ shapes, workspace, question, areFew }, walk, cursor, limit)
  // Few enough to be sorted whole; each page does it anew, which is cheaper than a walk past all others.
  return walked ?? sortedPlaces(run, workspace, question, offset, limit, candidates ?? null)
}

/** @returns null when there is a faster way than to walk */
async function walkedPlaces(
  reading: Reading,
  walk: Exclude<Walk, { kind: 'sorted' }>,
  { after, offset }: RunCursor,
  limit: number,
): Promise<Place[] | null> {
  // A token of another server has an offset alone: then all is read up to there.
  const skip = after ? 0 : offset
  const wanted = limit + skip
  const isKnown = walk.kind === 'metric' && reading.question.keys.has(walk.key)
  if (!isKnown) return (await newestPlaces(reading, null, after, wanted))?.slice(skip) ?? null
  const places: Place[] = []
  if (after === undefined || (after.value !== null && !Number.isNaN(after.value))) {
    const valued = await valuedPlaces(reading, walk, after, wanted)
    if (valued === null) return null
    places.push(...valued)
  }
  if (places.length < wanted && after?.value !== null) {
    const from = Number.isNaN(after?.value) ? after : undefined
    places.push(...(await unnumberedPlaces(reading, walk.key, from, wanted - places.length)))
  }
  if (places.length < wanted) {
    const lacking = await newestPlaces(
      reading,
      walk.key,
      after?.value === null ? after : undefined,
      wanted - places.length,
    )
    if (lacking === null) return null
    places.push(...lacking)
  }
  return places.slice(skip)
}

type Ask = <Row>(statement: RawBuilder<Row>) => Promise<Row[]>

/** Sorts all that is found; for orders that no index has, and for few candidates. */
async function sortedPlaces(
  ask: Ask,
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
  const found = candidates
    ? sql`(${candidates} limit ${sql.lit(FEW + 1)}) few join run r on r.no = few.run`
    : sql`run r`
  const rows = await ask(sql<PlaceRow>`
    select r.no, r.id, r.start_ms, ${value} as value from ${found} ${joined}
    where ${whereRun(workspace, question, question.clauses, candidates ? 'probe' : styleOf(question))}
    order by ${sql.join(order)} limit ${limit} offset ${offset}`)
  return rows.map(({ no, id, start_ms, value }) => ({ no, id, startMs: start_ms, value }))
}

/** How many runs there are of a question. */
export async function countRuns(db: Queryable, workspace: string, question: RunQuestion): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from run r where ${whereRun(workspace, question, question.clauses, styleOf(question))}`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}
