import type { Clause } from '@tidemark/mlflow-protocol'
import type { RawBuilder } from 'kysely'
import { type Shapes, sql } from '../platform/index.ts'
import type { Fragment } from './conditions.ts'
import type { RunCursor } from './cursor.ts'
import { anyOf, heldBy, isOfValue, type RunQuestion, TABLES, type ValueClause, whereRun } from './questions.ts'

/** A place in a list: the run's number and what the list was sorted by there. */
export interface Place {
  readonly no: number
  readonly id: string
  readonly startMs: number
  /** The value of the metric that sorts first, where one does; null for a run without it. */
  readonly value: number | null
}

/** Where a list is read: of whom, and how. */
export interface Reading {
  readonly shapes: Shapes
  readonly workspace: string
  readonly question: RunQuestion
  /** True when an index finds the runs in question faster than a walk to them; asked when a walk turns out to be long. */
  readonly areFew: () => Promise<boolean>
}

/** A list is walked a stretch at a time: so many entries of its index, of which some hold all clauses. */
interface Stretch<At> {
  readonly places: readonly Place[]
  readonly entries: number
  /** The last entry, which the next stretch begins after. */
  readonly until: At | null
}

type After = NonNullable<RunCursor['after']>

const LEAST_ENTRIES = 128
// What a stretch finds is kept until the page is full: some 100 bytes an entry, in the database.
const MOST_ENTRIES = 65_536
// Some milliseconds: beyond it a question for another way pays.
const LONG_WALK = 4_096

/** Four sizes from a power of two to the next, so that statements come in few shapes. */
function entriesFor(count: number): number {
  const step = 2 ** (Math.floor(Math.log2(Math.min(count, MOST_ENTRIES))) - 2)
  return Math.min(MOST_ENTRIES, Math.max(LEAST_ENTRIES, Math.ceil(count / step) * step))
}

/**
 * Walks until `wanted` places are found or the list ends. Each stretch is as long as the ones before it let expect.
 * @returns null when the walk is given up, because the runs in question are few
 */
async function walk<At>(
  reading: Reading,
  wanted: number,
  begin: At | null,
  read: (after: At | null, entries: number) => Promise<Stretch<At>>,
): Promise<Place[] | null> {
  // By number: between two stretches a run may get another value, and be met again.
  const found = new Map<number, Place>()
  const isFiltered = reading.question.clauses.length > 0
  let size = entriesFor(isFiltered ? 4 * wanted : wanted)
  let entries = 0
  for (let after = begin; ; ) {
    const stretch = await read(after, size)
    for (const place of stretch.places) if (!found.has(place.no)) found.set(place.no, place)
    entries += stretch.entries
    if (found.size >= wanted || stretch.entries < size) return [...found.values()].slice(0, wanted)
    after = stretch.until
    // So many as the rate of what was found asks for, and its spread beside them: another stretch costs more than a longer one.
    const each = found.size === 0 ? Number.POSITIVE_INFINITY : entries / found.size
    const more = (wanted - found.size) * each * (1 + 1 / Math.sqrt(found.size))
    size = entriesFor(Math.min(8 * size, more))
    if (isFiltered && size > LONG_WALK && (await reading.areFew())) return null
  }
}

/** True of runs that come after the cursor's among those of the same value. */
function younger(after: Pick<After, 'startMs' | 'id'>): Fragment {
  return sql`r.start_ms <= ${after.startMs} and (r.start_ms < ${after.startMs} or r.id > ${after.id})`
}

/**
 * The clauses on values, one after the other: each asks an index by key for all runs that the one before left, in their order, which costs a
 * tenth of a question for each run. Begins with the table `walked`. Equal texts first, since they leave the fewest.
 */
function narrowed(clauses: readonly ValueClause[], question: RunQuestion): { steps: Fragment; last: Fragment } {
  const isEqual = (clause: ValueClause) => clause.kind === 'text' && clause.operator === '='
  let last = sql.raw<unknown>('walked')
  const steps = clauses
    .toSorted((a, b) => Number(isEqual(b)) - Number(isEqual(a)))
    .map((clause, index) => {
      const before = last
      last = sql.raw(`kept${index}`)
      return sql`, ${last} as materialized (
        select v.run from ${TABLES[clause.of]} v
        where v.key = ${question.keys.get(clause.key)} and v.run = any (array(select run from ${before})) and ${heldBy(clause)}
      )`
    })
  return { steps: sql.join(steps, sql``), last }
}

/** What is asked of a run beside its values, and the values that it must hold. */
function parted(clauses: readonly Clause[]): { values: ValueClause[]; attributes: Clause[]; rest: Clause[] } {
  const isLeft = (clause: Clause): clause is ValueClause =>
    isOfValue(clause) && !(clause.kind === 'presence' && !clause.present)
  return {
    values: clauses.filter(isLeft),
    attributes: clauses.filter((clause) => clause.of === 'attribute'),
    rest: clauses.filter((clause) => !isLeft(clause) && clause.of !== 'attribute'),
  }
}

/** True when a clause asks for a key that nothing has. */
export function isHopeless({ clauses, keys }: RunQuestion): boolean {
  return parted(clauses).values.some(({ key }) => !keys.has(key))
}

interface ValuedRow {
  entries: number
  until: number | null
  no: number | null
  id: string
  start_ms: number
  value: number
}

/** Runs with a number for the metric, in the order of these numbers; ties the newest first, then by id. */
export function valuedPlaces(
  reading: Reading,
  metric: { readonly key: string; readonly ascending: boolean },
  after: After | undefined,
  wanted: number,
): Promise<Place[] | null> {
  const order = sql.raw(metric.ascending ? 'asc' : 'desc')
  const [beyond, last] = metric.ascending ? [sql.raw('>'), sql.raw('max')] : [sql.raw('<'), sql.raw('min')]
  return walk<number>(reading, wanted, null, async (from, entries) => {
    const bound =
      from !== null
        ? sql`and s.value ${beyond} ${from}::float8`
        : after
          ? sql`and s.value ${beyond}= ${after.value}::float8`
          : sql``
    // An entry is its value alone in the index's order: a stretch ends only where a value ends.
    const first = sql`order by s.value ${order} fetch first ${sql.lit(entries)} rows with ties`
    const walked = entriesOf(reading, metric.key, sql`and s.value <> 'NaN' ${bound}`, first)
    const isNext = after && from === null ? sql`and (w.value <> ${after.value}::float8 or (${younger(after)}))` : sql``
    const rows = await reading.shapes.run(
      foundAmong(reading, metric.key, walked, sql`${last}(value)`, isNext, sql`f.value ${order}, `, wanted),
    )
    return { places: placesOf(rows), entries: rows[0]?.entries ?? 0, until: rows[0]?.until ?? null }
  })
}

/** Runs with a NaN for the metric, the newest first. */
export async function unnumberedPlaces(
  reading: Reading,
  key: string,
  after: After | undefined,
  wanted: number,
): Promise<Place[]> {
  const walked = entriesOf(reading, key, sql`and s.value = 'NaN'`, sql``)
  const isNext = after ? sql`and ${younger(after)}` : sql``
  return placesOf(await reading.shapes.run(foundAmong(reading, key, walked, sql`null::float8`, isNext, sql``, wanted)))
}

/** Entries of the index of a metric's values, as `run` and `value`. */
function entriesOf({ workspace, question }: Reading, key: string, bound: Fragment, first: Fragment): Fragment {
  const { experiments, keys, clauses } = question
  // What is asked of the same metric bounds the walk itself.
  const own = parted(clauses).values.filter((clause) => clause.of === 'metric' && clause.key === key)
  const held = own.map((clause) => sql`and ${heldBy(clause, sql.raw('s.value'))}`)
  const where = sql`s.key = ${keys.get(key)} ${bound} ${sql.join(held, sql` `)}`
  if (experiments?.length === 1) {
    return sql`select s.run, s.value from latest_metric s where s.experiment = ${experiments[0]}::bigint and ${where} ${first}`
  }
  return sql`
    select s.run, s.value from experiment e
    cross join lateral (select s.run, s.value from latest_metric s where s.experiment = e.id and ${where} ${first}) s
    where e.workspace = ${workspace} ${experiments === null ? sql`` : sql`and e.id = ${anyOf(experiments)}`} ${first}`
}

/** The runs among `walked` that hold all clauses, in order; every row tells how many entries there were and where they end. */
function foundAmong(
  { workspace, question }: Reading,
  key: string,
  walked: Fragment,
  until: Fragment,
  isNext: Fragment,
  order: Fragment,
  wanted: number,
) {
  const { values, attributes, rest } = parted(question.clauses)
  const others = values.filter((clause) => !(clause.of === 'metric' && clause.key === key))
  const { steps, last } = narrowed(others, question)
  return sql<ValuedRow>`
    with walked as materialized (${walked}) ${steps}
    select w.entries, w.until, f.no, f.id, f.start_ms, f.value
    from (select count(*) as entries, ${until} as until from walked) w
    left join (
      select r.no, r.id, r.start_ms, w.value from run r join walked w on w.run = r.no
      where r.no = any (array(select run from ${last})) and ${whereRun(workspace, question, [...attributes, ...rest], 'probe')} ${isNext}
    ) f on true
    order by ${order} f.start_ms desc, f.id limit ${wanted}`
}

interface EntryRow {
  no: number
  id: string
  start_ms: number
}

interface NewestRow extends Omit<ValuedRow, 'value' | 'until'> {
  until_ms: number | null
  until_id: string | null
}

/** Runs by age, the newest first, then by id. @param lacking leaves out the runs that have this metric */
export function newestPlaces(
  reading: Reading,
  lacking: string | null,
  after: After | undefined,
  wanted: number,
): Promise<Place[] | null> {
  const { shapes, workspace, question } = reading
  const { values, attributes, rest } = parted(question.clauses)
  const { steps, last } = narrowed(values, question)
  const key = lacking === null ? undefined : question.keys.get(lacking)
  const without =
    key === undefined
      ? sql`left_over as (select run from ${last})`
      : sql`
      with_metric as materialized (select v.run from latest_metric v where v.key = ${key} and v.run = any (array(select run from ${last}))),
      left_over as materialized (select run from ${last} except select run from with_metric)`
  return walk<Pick<After, 'startMs' | 'id'>>(reading, wanted, after ?? null, async (from, size) => {
    const entries = runsByAge(reading, attributes, from ? sql`and ${younger(from)}` : sql``, size)
    if (values.length === 0 && rest.length === 0 && key === undefined) {
      const rows = await shapes.run(entries)
      const end = rows.at(-1)
      const until = end ? { startMs: end.start_ms, id: end.id } : null
      return { places: placesOf(rows.map((row) => ({ ...row, value: null }))), entries: rows.length, until }
    }
    const rows = await shapes.run(sql<NewestRow>`
      with entry as materialized (${entries}),
      walked as materialized (select no as run from entry) ${steps}, ${without}
      select w.entries, u.start_ms as until_ms, u.id as until_id, f.no, f.id, f.start_ms
      from (select count(*) as entries from entry) w
      left join (select start_ms, id from entry order by start_ms, id desc limit 1) u on true
      left join (
        select r.no, r.id, r.start_ms from run r
        where r.no = any (array(select run from left_over)) and ${whereRun(workspace, question, [...attributes, ...rest], 'probe')}
      ) f on true
      order by f.start_ms desc, f.id limit ${wanted}`)
    const end = rows[0]
    const until = end?.until_ms != null && end.until_id !== null ? { startMs: end.until_ms, id: end.until_id } : null
    return { places: placesOf(rows.map((row) => ({ ...row, value: null }))), entries: end?.entries ?? 0, until }
  })
}

/** Entries of the index by age, as `no`, `start_ms` and `id`. */
function runsByAge(
  { workspace, question }: Reading,
  attributes: readonly Clause[],
  bound: Fragment,
  entries: number,
): RawBuilder<EntryRow> {
  const { experiments } = question
  const columns = sql`r.no, r.start_ms, r.id`
  const first = sql`limit ${sql.lit(entries)}`
  const isAsked = whereRun(workspace, { ...question, experiments: null }, attributes, 'probe')
  if (experiments?.length === 1) {
    return sql<EntryRow>`
      select ${columns} from run r where r.experiment = ${experiments[0]}::bigint and ${isAsked} ${bound}
      order by r.start_ms desc, r.id ${first}`
  }
  return sql<EntryRow>`
    select ${columns} from experiment e cross join lateral (
      select ${columns} from run r where r.workspace = e.workspace and r.experiment = e.id and ${isAsked} ${bound}
      order by r.start_ms desc, r.id ${first}
    ) r
    where e.workspace = ${workspace} ${experiments === null ? sql`` : sql`and e.id = ${anyOf(experiments)}`}
    order by r.start_ms desc, r.id ${first}`
}

function placesOf(rows: readonly { no: number | null; id: string; start_ms: number; value: number | null }[]): Place[] {
  return rows.flatMap(({ no, id, start_ms, value }) => (no === null ? [] : [{ no, id, startMs: start_ms, value }]))
}
