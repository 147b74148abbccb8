import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { testDatabase } from '@tidemark/postgres'
import { Client } from 'pg'
import { migrations } from '../migrations.ts'
import { readConfig } from '../platform/config.ts'
import { openDatabase, sql } from '../platform/db.ts'
import { Jobs } from '../platform/jobs.ts'
import { migrate } from '../platform/migrations.ts'
import { createPlatform } from '../platform/platform.ts'
import { createLog } from '../platform/telemetry.ts'
import { startServer } from '../server.ts'
import { RELEASES, type Release } from './releases.ts'
import { fillDatabase } from './rows.ts'

const file = ({ name }: Release, what: string) => join(import.meta.dirname, `${name}-${what}`)

/** The database of a release with rows in every table. */
async function madeBy(release: Release, url: string): Promise<void> {
  const database = openDatabase(url, 2)
  await new Jobs(database.pool, createLog('test', 'fatal')).migrate()
  const known = new Set(release.migrations)
  const applied = await migrate(
    database.db,
    migrations.filter(({ id }) => known.has(id)),
  )
  await database.close()
  assert.equal(applied.length, release.migrations.length)
  const client = new Client({ connectionString: url })
  await client.connect()
  await fillDatabase(client, file(release, 'rows.tsv'))
  await client.end()
}

interface Question {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly answer: unknown
}

function questions(release: Release): Question[] {
  const lines = readFileSync(file(release, 'answers.jsonl'), 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as Question)
}

/** Where an answer does not say what it said before; what is new in it does not matter. */
function differences(before: unknown, now: unknown, at = ''): string[] {
  if (Array.isArray(before)) {
    if (!Array.isArray(now) || now.length !== before.length)
      return [`${at}: ${JSON.stringify(before)} → ${JSON.stringify(now)}`]
    return before.flatMap((item, index) => differences(item, now[index], `${at}[${index}]`))
  }
  if (typeof before === 'object' && before !== null) {
    if (typeof now !== 'object' || now === null) return [`${at}: an object → ${JSON.stringify(now)}`]
    return Object.entries(before).flatMap(([key, value]) =>
      differences(value, (now as Record<string, unknown>)[key], `${at}.${key}`),
    )
  }
  return Object.is(before, now) ? [] : [`${at}: ${JSON.stringify(before)} → ${JSON.stringify(now)}`]
}

for (const release of RELEASES) {
  test(`a database of release ${release.name} comes up with everything in it, and works on`, async () => {
    const database = await testDatabase().empty()
    const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-upgrade-'))
    try {
      await madeBy(release, database.url)
      const config = readConfig({
        TIDEMARK_DATA: dataDir,
        TIDEMARK_DATABASE_URL: database.url,
        TIDEMARK_PORT: '0',
        TIDEMARK_GATEWAY_PORT: '5581',
        TIDEMARK_INTERNAL_TOKEN: 'test-internal-token-of-at-least-32-characters',
        TIDEMARK_LOG_LEVEL: 'fatal',
        TIDEMARK_WORKER_CONCURRENCY: '1',
      })
      const platform = createPlatform(config)
      const empty = await sql<{ name: string }>`
        select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
          and (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I', c.relname), false, true, '')))[1]::text = '0'`.execute(
        platform.db,
      )
      assert.deepEqual(empty.rows, [], 'every table of the release has a row')
      const server = await startServer(platform)
      try {
        const changed: string[] = []
        let asked = 0
        for (const { method, path, body, answer } of questions(release)) {
          const response = await fetch(server.url + path, {
            method,
            ...(body === undefined
              ? {}
              : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
          })
          const now: unknown = await response.json()
          changed.push(...differences(answer, now).map((difference) => `${method} ${path} ${difference}`))
          asked += 1
        }
        assert.ok(asked > 50, `only ${asked} questions were asked`)
        const known = release.changed.map(
          ({ at }) => changed.find((difference) => difference.startsWith(at)) ?? `${at} is as before`,
        )
        assert.deepEqual(changed.sort(), known.sort())
        await worksOn(server.url)
      } finally {
        await server.stop()
      }
    } finally {
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    }
  })
}

/** What the database gives out next must not be taken. */
async function worksOn(url: string): Promise<void> {
  const call = async (path: string, body: unknown): Promise<string> => {
    const response = await fetch(`${url}/api/2.0/mlflow/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
    const text = await response.text()
    assert.equal(response.status, 200, `${path}: ${text}`)
    return text
  }
  const experiment = /"experiment_id":"(\d+)"/.exec(
    await call('experiments/create', { name: 'after the upgrade' }),
  )?.[1]
  const run_id = /"run_id":"(\w+)"/.exec(await call('runs/create', { experiment_id: experiment }))?.[1]
  for (const step of [1, 2])
    await call('runs/log-metric', { run_id, key: 'loss', value: 1 / step, step, timestamp: step })
  await call('runs/set-tag', { run_id, key: 'new', value: 'tag' })
  const answer = await fetch(`${url}/api/2.0/mlflow/metrics/get-history?run_id=${run_id}&metric_key=loss`)
  const { metrics } = (await answer.json()) as { metrics: { value: number }[] }
  assert.deepEqual(
    metrics.map(({ value }) => value),
    [1, 0.5],
  )
  await call('registered-models/create', { name: 'after-the-upgrade' })
}
