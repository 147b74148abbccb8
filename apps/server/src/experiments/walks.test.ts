import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from '../platform/index.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { callMlflow, everyPage } from './testing.ts'

/** As many as make a walk take several stretches. */
const RUNS = 900
const LONG = 'x'.repeat(3_000)
const STATUSES = ['FINISHED', 'FAILED', 'RUNNING'] as const

/** A run as the database has it, and as the answers are judged by. */
interface Made {
  readonly id: string
  readonly experiment: 'one' | 'two'
  readonly start: number
  readonly status: string
  readonly isDeleted: boolean
  readonly metrics: Readonly<Record<string, number>>
  readonly params: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
}

let server: TestServer
const experiments: Record<string, string> = {}
const made: Made[] = []

/** The same numbers in every run of the test. */
function chance(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43758.5453
  return x - Math.floor(x)
}

const call = (path: string, body: object) => callMlflow(server.url, 'POST', path, body)

function metricsOf(index: number): Record<string, number> {
  const kind = index % 23
  const sorting =
    kind === 0
      ? {}
      : { m: kind === 1 ? Number.NaN : kind === 2 ? Infinity : kind === 3 ? -Infinity : Math.floor(40 * chance(index)) }
  return { ...sorting, ...(index % 5 === 0 ? {} : { other: chance(-index) }) }
}

before(async () => {
  server = await startTestServer()
  for (const name of ['one', 'two'] as const) {
    experiments[name] = (await call('experiments/create', { name })).experiment_id as string
  }
  for (let index = 0; index < RUNS; index++) {
    made.push({
      id: `${Math.floor(chance(index + 0.5) * 1e12).toString(16)}${index}`,
      experiment: index % 4 === 3 ? 'two' : 'one',
      start: 1_000 + (index % 97),
      status: STATUSES[index % 3] as string,
      isDeleted: index % 19 === 0,
      metrics: metricsOf(index),
      params: {
        p: String(index % 10),
        ...(index % 50 === 7 ? { long: LONG } : {}),
        ...(index % 300 === 8 ? { rare: 'y' } : {}),
      },
      tags: index % 2 === 0 ? { t: index % 4 === 0 ? 'even' : 'Odd' } : {},
    })
  }
  const { db } = server.platform
  const list = JSON.stringify(made.map((run) => ({ ...run, experiment: experiments[run.experiment] })))
  await sql`
    insert into run (workspace, id, experiment, name, user_id, status, start_ms, artifact_uri, lifecycle)
    select 'default', r ->> 'id', (r ->> 'experiment')::bigint, 'n', '', r ->> 'status', (r ->> 'start')::bigint, 'mlflow-artifacts:/x',
      case when (r ->> 'isDeleted')::boolean then 'deleted' else 'active' end
    from jsonb_array_elements(${list}::jsonb) r`.execute(db)
  const pairs = (pick: (run: Made) => Readonly<Record<string, number | string>>) =>
    JSON.stringify(made.flatMap((run) => Object.entries(pick(run)).map(([key, value]) => [run.id, key, String(value)])))
  await sql`insert into run_key (workspace, key) select 'default', unnest(array['m', 'other', 'p', 'long', 'rare', 't']) on conflict do nothing`.execute(
    db,
  )
  const found = (list: string) => sql`
    jsonb_array_elements(${list}::jsonb) v join run r on r.id = v ->> 0 join run_key k on k.workspace = 'default' and k.key = v ->> 1`
  await sql`
    insert into latest_metric (run, experiment, key, at_ms, step, value)
    select r.no, r.experiment, k.no, 1, 0, (v ->> 2)::float8 from ${found(pairs((run) => run.metrics))}`.execute(db)
  await sql`insert into run_parameter (run, key, value) select r.no, k.no, v ->> 2 from ${found(pairs((run) => run.params))}`.execute(
    db,
  )
  await sql`insert into run_tag (run, key, value) select r.no, k.no, v ->> 2 from ${found(pairs((run) => run.tags))}`.execute(
    db,
  )
})

after(() => server.close())

/** Filters, and what they say of a run. */
const FILTERS: readonly { text: string; holds: (run: Made) => boolean }[] = [
  { text: '', holds: () => true },
  { text: "params.p = '3'", holds: (run) => run.params.p === '3' },
  {
    text: "params.p = '3' and metrics.other > 0.5",
    holds: (run) => run.params.p === '3' && (run.metrics.other ?? 0) > 0.5,
  },
  {
    text: "params.p != '3' and metrics.other <= 0.25",
    holds: (run) => run.params.p !== '3' && (run.metrics.other ?? 1) <= 0.25,
  },
  {
    text: "attributes.status != 'RUNNING' and tags.t ILIKE 'odd'",
    holds: (run) => run.status !== 'RUNNING' && run.tags.t === 'Odd',
  },
  {
    text: "tags.t IS NULL and attributes.status = 'FAILED'",
    holds: (run) => run.tags.t === undefined && run.status === 'FAILED',
  },
  {
    text: "tags.t IS NOT NULL and params.p LIKE '%7'",
    holds: (run) => run.tags.t !== undefined && run.params.p === '7',
  },
  { text: `params.long = '${LONG}'`, holds: (run) => run.params.long === LONG },
  { text: "params.rare = 'y'", holds: (run) => run.params.rare === 'y' },
  {
    text: 'metrics.m >= 20 and metrics.other < 0.9',
    holds: (run) => (run.metrics.m ?? -1) >= 20 && (run.metrics.other ?? 1) < 0.9,
  },
  { text: 'metrics.m != 3', holds: (run) => run.metrics.m !== undefined && run.metrics.m !== 3 },
  { text: "metrics.other > 0.5 and params.never = '1'", holds: () => false },
]

/** Numbers by size, then NaNs, then none; ties the newest first, then by id. */
function order(ascending: boolean | null): (a: Made, b: Made) => number {
  const rank = (m: number | undefined) => (m === undefined ? 2 : Number.isNaN(m) ? 1 : 0)
  return (a, b) => {
    const byAge = b.start - a.start || (a.id < b.id ? -1 : 1)
    if (ascending === null) return byAge
    const ranks = rank(a.metrics.m) - rank(b.metrics.m)
    if (ranks !== 0) return ranks
    const [left, right] = [a.metrics.m ?? 0, b.metrics.m ?? 0]
    if (rank(a.metrics.m) > 0 || left === right) return byAge
    return left < right === ascending ? -1 : 1
  }
}

async function search(question: object, size: number): Promise<string[]> {
  const found = await everyPage(server.url, { ...question, max_results: size }, RUNS)
  return found.map((run) => run.info.run_id)
}

for (const [name, ascending] of [
  ['the newest first', null],
  ['the least first', true],
  ['the greatest first', false],
] as const) {
  for (const which of [['one'], ['one', 'two']]) {
    test(`whatever is filtered in ${which.join(' and ')}, ${name}, pages of any size hold the same runs as a plain look at all of them`, async () => {
      const order_by = ascending === null ? [] : [`metrics.m ${ascending ? 'ASC' : 'DESC'}`]
      for (const { text, holds } of FILTERS) {
        const right = made
          .filter((run) => which.includes(run.experiment) && !run.isDeleted && holds(run))
          .sort(order(ascending))
          .map((run) => run.id)
        for (const size of [40, 333]) {
          const question = { experiment_ids: which.map((name) => experiments[name]), filter: text, order_by }
          assert.deepEqual(await search(question, size), right, `${text.slice(0, 60)}, pages of ${size}`)
        }
      }
    })
  }
}

test('a few runs among thousands that are far from the beginning of the list are found, in order, page by page', async () => {
  const { db } = server.platform
  const experiment = (await call('experiments/create', { name: 'thousands' })).experiment_id as string
  await sql`
    with added as (
      insert into run (workspace, id, experiment, name, user_id, status, start_ms, artifact_uri)
      select 'default', 'many' || i, ${Number(experiment)}::bigint, 'n', '', 'FINISHED', i, 'mlflow-artifacts:/x' from generate_series(1, 6000) i
      returning no, experiment, start_ms
    ), metrics as (
      insert into latest_metric (run, experiment, key, at_ms, step, value)
      select a.no, a.experiment, k.no, 1, 0, a.start_ms from added a, run_key k where k.workspace = 'default' and k.key = 'm'
    )
    insert into run_parameter (run, key, value)
    select a.no, k.no, 'few' from added a, run_key k where k.workspace = 'default' and k.key = 'p' and a.start_ms in (17, 4000, 5999)`.execute(
    db,
  )
  for (const filter of ["params.p = 'few'", "params.p = 'few' and metrics.m > 0"]) {
    for (const size of [1, 2]) {
      const question = { experiment_ids: [experiment], filter, order_by: ['metrics.m ASC'] }
      assert.deepEqual(await search(question, size), ['many17', 'many4000', 'many5999'], filter)
    }
  }
})
