import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inTransaction, sql } from '../platform/index.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { countAllRuns } from './runCountStore.ts'
import { callMlflow } from './testing.ts'

let server: TestServer

before(async () => {
  server = await startTestServer()
})
after(() => server.close())

const call = (path: string, body: object) => callMlflow(server.url, 'POST', path, body)

const makeExperiment = async (name: string) => (await call('experiments/create', { name })).experiment_id as string
const makeRun = async (experiment_id: string) =>
  ((await call('runs/create', { experiment_id })).run as { info: { run_id: string } }).info.run_id

/** Writes runs past the API; `from` makes their ids different. */
async function addRuns(experiment: string, count: number, from = 0): Promise<void> {
  await sql`
    insert into run (workspace, id, experiment, name, user_id, status, start_ms, artifact_uri)
    select 'default', md5(${experiment} || '/' || i), ${Number(experiment)}::bigint, 'n', '', 'FINISHED', i, 'mlflow-artifacts:/x'
    from generate_series(${from}::int + 1, ${from}::int + ${count}::int) i`.execute(server.platform.db)
}

const mark = async () =>
  (await sql<{ upto: number }>`select upto from run_counted`.execute(server.platform.db)).rows[0]?.upto ?? 0

/** Asks for counts until everything is counted for good. */
async function allCounted(): Promise<void> {
  const { rows } = await sql<{ last: number }>`select max(no) as last from run`.execute(server.platform.db)
  for (let tries = 0; (await mark()) < (rows[0]?.last ?? 0) - 4_999; tries++) {
    assert.ok(tries < 200, 'the mark moves up')
    await server.client.experiments.countRuns({ query: {} })
    await sleep(25)
  }
}

/** Every count that can be asked for, against a look at all runs. */
async function assertCounts(when: string): Promise<void> {
  const { rows } = await sql<{ experiment: number; lifecycle: 'active' | 'deleted'; n: number }>`
    select experiment, lifecycle, count(*) as n from run group by 1, 2`.execute(server.platform.db)
  const { experiments } = await server.client.experiments.listExperiments({ query: { lifecycle: 'all' } })
  const sum = (keep: (row: (typeof rows)[number]) => boolean) =>
    rows.filter(keep).reduce((total, row) => total + row.n, 0)
  for (const lifecycle of ['active', 'deleted', 'all'] as const) {
    const holds = (row: (typeof rows)[number]) => lifecycle === 'all' || row.lifecycle === lifecycle
    assert.equal((await server.client.experiments.countRuns({ query: { lifecycle } })).total, sum(holds), when)
    for (const { id } of experiments) {
      const { total } = await server.client.experiments.countRuns({ query: { experiment: id, lifecycle } })
      const right = sum((row) => String(row.experiment) === id && holds(row))
      assert.equal(total, right, `${when}: ${lifecycle} runs of ${id}`)
    }
  }
  for (const { id, runs } of experiments) {
    const right = sum((row) => String(row.experiment) === id && row.lifecycle === 'active')
    assert.equal(runs, right, `${when}: listed with ${id}`)
  }
}

test('counts are exact below and beyond the mark, whatever is deleted, restored and dropped', async () => {
  const [one, two] = [await makeExperiment('one'), await makeExperiment('two')]
  await addRuns(one, 6_000)
  await addRuns(two, 5_000)
  await assertCounts('before anything was counted for good')
  await allCounted()
  assert.ok((await mark()) > 6_000)
  await assertCounts('counted')
  const late = await makeRun(one)
  const { rows } = await sql<{
    id: string
  }>`select id from run where experiment = ${Number(one)} order by no limit 3`.execute(server.platform.db)
  const early = rows.map(({ id }) => id)
  for (const run_id of [...early, late]) await call('runs/delete', { run_id })
  await call('runs/delete', { run_id: early[0] })
  await assertCounts('some deleted')
  await call('runs/restore', { run_id: early[1] })
  await assertCounts('one restored')
  await server.client.retention.deleteRun({ params: { run: early[0] ?? '' } })
  await assertCounts('one dropped')
  await call('experiments/delete', { experiment_id: two })
  await assertCounts('an experiment deleted')
  await call('experiments/restore', { experiment_id: two })
  await assertCounts('an experiment restored')
  await call('experiments/delete', { experiment_id: two })
  await sql`update experiment set deleted_ms = 1 where lifecycle = 'deleted'`.execute(server.platform.db)
  await server.client.retention.purge({ body: { olderThanDays: 1 } })
  await assertCounts('an experiment dropped')
})

test('the mark moves up beside writers, and counts stay exact', async () => {
  const experiment = await makeExperiment('busy')
  const until = Date.now() + 1_500
  let added = 0
  await Promise.all([
    ...Array.from({ length: 4 }, async () => {
      while (Date.now() < until) {
        const run_id = await makeRun(experiment)
        await call('runs/delete', { run_id })
        if (Math.random() < 0.5) await call('runs/restore', { run_id })
      }
    }),
    (async () => {
      while (Date.now() < until) {
        await addRuns(experiment, 3_000, added)
        added += 3_000
        await server.client.experiments.countRuns({ query: {} })
      }
    })(),
  ])
  await allCounted()
  await assertCounts('after all of it')
})

test('a count of every run does not look at them once they are counted', async () => {
  const experiment = await makeExperiment('cheap')
  await addRuns(experiment, 20_000)
  await allCounted()
  const read = await inTransaction(server.platform.db, async (tx) => {
    const rowsRead = async () => {
      const { rows } = await sql<{ n: number }>`
        select seq_tup_read + coalesce(idx_tup_fetch, 0) as n from pg_stat_xact_user_tables where relname = 'run'`.execute(
        tx,
      )
      return rows[0]?.n ?? Number.NaN
    }
    const before = await rowsRead()
    const { total } = await countAllRuns(tx, 'default', [Number(experiment)], ['active'])
    assert.equal(total, 20_000)
    return (await rowsRead()) - before
  })
  assert.ok(read < 5_000, `${read} rows were read`)
})
