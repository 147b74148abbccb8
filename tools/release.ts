/**
 * Makes what the upgrade test needs of a release, on the release itself: rows of every table, from a database that was worked with, and what its
 * server answers about them.
 *
 *   ./tidemark run tools/release.ts rows DATABASE_URL apps/server/src/upgrades/0.2-rows.tsv
 *   ./tidemark run tools/release.ts fill DATABASE_URL apps/server/src/upgrades/0.2-rows.tsv
 *   ./tidemark run tools/release.ts answers SERVER_URL apps/server/src/upgrades/0.2-answers.jsonl
 *
 * `fill` puts the rows into an empty database of that schema, on which the server is started that `answers` asks.
 */
import { writeFileSync } from 'node:fs'
import { withClient } from '@tidemark/postgres'
import { fillDatabase } from '../apps/server/src/upgrades/rows.ts'

/** Tables that grow with traffic, which no other refers to: a few rows of each show as much as all. */
const BULKY = /^(monitoring_|rollout_(pair|caller)|log_seen|holdout_|dataset_(version|quarantine|profile)|blob_grant)/
const MOST_ROWS = 10
const MOST_EVENTS = 100

type Connection = Parameters<Parameters<typeof withClient>[1]>[0]

async function rows(client: Connection): Promise<string[]> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'schema_migration'
     order by c.relname collate "C"`,
  )
  const lines: string[] = []
  for (const { name } of tables) {
    // The chain of the events is read from its beginning, so its head is moved to the last one that is kept.
    const question =
      name === 'event_head'
        ? `select true as one, position, hash from event where position <= ${MOST_EVENTS} order by position desc limit 1`
        : name === 'event'
          ? `select * from event where position <= ${MOST_EVENTS} order by position`
          : `select * from "${name}" ${BULKY.test(name) ? `limit ${MOST_ROWS}` : ''}`
    // As text: not every number of a bigint is one of JavaScript's.
    const found = await client.query<{ row: string }>(`select row_to_json(t)::text as row from (${question}) t`)
    console.log(`${name}: ${found.rows.length}`)
    lines.push(...found.rows.map(({ row }) => `${name}\t${row}`))
  }
  return lines
}

type Json = Record<string, unknown>

async function answers(url: string): Promise<string[]> {
  const lines: string[] = []
  const ask = async (method: 'GET' | 'POST', path: string, body?: Json): Promise<Json> => {
    const response = await fetch(url + path, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    })
    const answer = (await response.json()) as Json
    if (response.status === 200) lines.push(JSON.stringify({ method, path, body, answer }))
    else console.log(`${response.status} ${path}`)
    return answer
  }
  const list = (answer: Json, name: string) => (answer[name] ?? []) as Json[]
  const mlflow = '/api/2.0/mlflow'

  const experiments = list(
    await ask('POST', `${mlflow}/experiments/search`, { max_results: 1000, view_type: 'ALL' }),
    'experiments',
  )
  const ids = experiments.map(({ experiment_id }) => experiment_id)
  const search = { experiment_ids: ids, run_view_type: 'ALL', max_results: 1000 }
  const runs = list(await ask('POST', `${mlflow}/runs/search`, search), 'runs')
  for (const run of runs) {
    const { run_id } = run.info as Json
    const answer = await ask('GET', `${mlflow}/runs/get?run_id=${run_id}`)
    const metrics = list(((answer.run as Json).data ?? {}) as Json, 'metrics')
    for (const { key } of metrics)
      await ask('GET', `${mlflow}/metrics/get-history?run_id=${run_id}&metric_key=${encodeURIComponent(String(key))}`)
    await ask('GET', `${mlflow}/artifacts/list?run_id=${run_id}`)
  }
  await ask('POST', `${mlflow}/logged-models/search`, { experiment_ids: ids })
  const models = list(await ask('GET', `${mlflow}/registered-models/search`), 'registered_models')
  await ask('GET', `${mlflow}/model-versions/search`)
  for (const { name } of models) {
    await ask('GET', `${mlflow}/registered-models/get?name=${name}`)
    const own = await ask('GET', `/api/v1/models/${name}`)
    for (const { version } of list(own, 'versions')) await ask('GET', `/api/v1/models/${name}/versions/${version}`)
  }
  for (const { name } of list(await ask('GET', '/api/v1/datasets'), 'datasets')) {
    await ask('GET', `/api/v1/datasets/${name}`)
    await ask('GET', `/api/v1/datasets/${name}/versions/1`)
    await ask('GET', `/api/v1/datasets/${name}/quarantine`)
  }
  for (const { name } of list(await ask('GET', '/api/v1/pipelines'), 'pipelines')) {
    await ask('GET', `/api/v1/pipelines/${name}`)
    await ask('GET', `/api/v1/pipelines/${name}/versions/1`)
  }
  for (const { run: id } of list(await ask('GET', '/api/v1/pipeline-runs'), 'runs'))
    await ask('GET', `/api/v1/pipeline-runs/${id}`)
  for (const { name } of list(await ask('GET', '/api/v1/endpoints'), 'endpoints')) {
    for (const part of ['', '/decisions', '/faults', '/quarantine', '/windows'])
      await ask('GET', `/api/v1/endpoints/${name}${part}`)
  }
  for (const { id } of list(await ask('GET', '/api/v1/rollouts'), 'rollouts'))
    await ask('GET', `/api/v1/rollouts/${id}`)
  for (const path of ['evaluations', 'approvals', 'waivers', 'events?after=0&limit=1000', 'audit/verification'])
    await ask('GET', `/api/v1/${path}`)
  return lines
}

const [verb, url = '', file = ''] = process.argv.slice(2)
if (verb === 'answers') writeFileSync(file, `${(await answers(url)).join('\n')}\n`)
else if (verb === 'fill') await withClient(url, (client) => fillDatabase(client, file))
else if (verb === 'rows') writeFileSync(file, `${(await withClient(url, rows)).join('\n')}\n`)
else throw new Error('Say "rows", "fill" or "answers".')
