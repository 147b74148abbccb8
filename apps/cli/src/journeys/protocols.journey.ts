import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort } from '@tidemark/process'
import { ensureEnvironment } from '@tidemark/workers'
import { until } from '../demo/settle.ts'
import { type Site, startPlatform } from './platform.ts'
import { CLONE, runScript } from './python.ts'

const MODEL = 'films-served'
const folder = mkdtempSync(join(tmpdir(), 'tidemark-protocols-'))
let site: Site
let stock: { readonly url: string; readonly child: ChildProcess }

before(async () => {
  site = await startPlatform('protocols')
  const { client, url } = site.connection
  await runScript('worker.txt', 'apps/cli/src/journeys/fixtures/serving_models.py', url, [folder])
  const params = { endpoint: MODEL }
  await client.deployments.putEndpoint({ params, body: { model: MODEL, version: 1 } })
  await until('the endpoint to serve', async () => {
    const { state, problem } = await client.deployments.getEndpoint({ params })
    assert.notEqual(state, 'broken', problem ?? '')
    return state === 'serving' || undefined
  })
  stock = await startStock()
  await until('gateway and stock server to answer', async () => {
    const good = (address: string) => fetch(address).then((response) => response.ok)
    const both = await Promise.allSettled([good(`${site.connection.gatewayUrl}/ping`), good(`${stock.url}/ping`)])
    return both.every((each) => each.status === 'fulfilled' && each.value) || undefined
  })
})
after(async () => {
  stock?.child.kill('SIGTERM')
  await site?.end()
  rmSync(folder, { recursive: true, force: true })
})

/** `mlflow models serve` of the same model, in the environment that the platform serves it in. */
async function startStock() {
  const { python } = await ensureEnvironment(join(CLONE, 'python/locks/worker.txt'))
  const port = String(await freePort())
  const args = ['-m', 'mlflow', 'models', 'serve', '-m', join(folder, 'model'), '-p', port, '-h', '127.0.0.1']
  const child = spawn(python, [...args, '--env-manager', 'local'], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, PATH: `${dirname(python)}:${process.env.PATH}`, MLFLOW_DISABLE_TELEMETRY: 'true' },
  })
  return { url: `http://127.0.0.1:${port}`, child }
}

const script = (lock: string, name: string, args: readonly string[]) =>
  runScript(lock, `apps/cli/src/journeys/fixtures/${name}`, site.connection.url, args)

test('MLflow’s client of its scoring server works unmodified', async (t) => {
  const { hostname, port } = new URL(site.connection.gatewayUrl)
  t.diagnostic((await script('worker.txt', 'mlflow_scoring.py', [hostname, port, folder])).trim())
})

test('Triton’s client with JSON and binary tensors, and KServe’s over both protocols, work unmodified', async (t) => {
  const { host } = new URL(site.connection.gatewayUrl)
  t.diagnostic((await script('protocols.txt', 'triton_client.py', [host, MODEL, folder])).trim())
})

interface Payload {
  readonly name: string
  readonly type: string
  readonly body: string | Buffer
  /** Why our answer is another one on purpose; absent: it is the same. */
  readonly differs?: string
}

function payloads(): Payload[] {
  const { columns, data } = JSON.parse(readFileSync(join(folder, 'rows.json'), 'utf8')) as {
    columns: string[]
    data: (number | string)[][]
  }
  const records = data.map((row) => Object.fromEntries(columns.map((name, place) => [name, row[place]])))
  const byName = Object.fromEntries(columns.map((name, place) => [name, data.map((row) => row[place])]))
  const file = (name: string) => readFileSync(join(folder, name))
  const json = (name: string, value: unknown, differs?: string): Payload => ({
    ...{ name, type: 'application/json', body: typeof value === 'string' ? value : JSON.stringify(value) },
    ...(differs === undefined ? {} : { differs }),
  })
  const [CSV, PARQUET] = ['text/csv', 'application/vnd.apache.parquet']
  const split = { columns, data }
  return [
    json('dataframe_split', { dataframe_split: split }),
    json('dataframe_split with an index', { dataframe_split: { ...split, index: data.map((_, row) => row + 5) } }),
    json('columns in another order', {
      dataframe_split: { columns: [...columns].reverse(), data: data.map((row) => [...row].reverse()) },
    }),
    json('a column more', {
      dataframe_split: { columns: [...columns, 'more'], data: data.map((row) => [...row, 1]) },
    }),
    json('dataframe_records', { dataframe_records: records }),
    json('inputs by name', { inputs: byName }),
    json('instances as records', { instances: records }),
    json('unknown params', { dataframe_split: split, params: { unknown: 1 } }),
    json('params null', { dataframe_split: split, params: null }),
    json('another key', { dataframe_split: split, more: 1 }),
    json('NaN', `{"dataframe_split":{"columns":${JSON.stringify(columns)},"data":[[NaN,100.0,"Drama"]]}}`),
    json('null in a number', { dataframe_split: { columns, data: [[null, 100.5, 'Drama']] } }),
    json('an unknown category', { dataframe_split: { columns, data: [[20.5, 100.5, 'Western']] } }),
    { name: 'CSV', type: CSV, body: file('rows.csv') },
    { name: 'CSV with an index', type: CSV, body: file('indexed.csv') },
    { name: 'CSV with a charset', type: 'text/csv; charset=utf-8', body: file('rows.csv') },
    { name: 'Parquet', type: PARQUET, body: file('rows.parquet') },
    { name: 'Parquet, gzip, with an index', type: PARQUET, body: file('indexed.parquet') },
    json('a list', [1]),
    json('a text', '"secret"'),
    json('no JSON', '{"secret'),
    json('nothing', ''),
    json('no known key', { secret: 1 }),
    json('two keys', { inputs: byName, dataframe_split: split }),
    json('split that is a list', { dataframe_split: [] }),
    json('split without data', { dataframe_split: { columns } }),
    json('records that are a dictionary', { dataframe_records: {} }),
    json('a missing column', { dataframe_split: { columns: columns.slice(1), data: data.map((row) => row.slice(1)) } }),
    json(
      'a text for a number',
      { dataframe_split: { columns, data: [['secret', 100.5, 'Drama']] } },
      'ours has one code for every value that the signature does not allow; stock has two, by where it notices',
    ),
    json('columns of unequal length', { inputs: { ...byName, budget: [1.5] } }),
    json('a ragged row', { dataframe_split: { columns, data: [[1.5]] } }),
    { name: 'another charset', type: 'application/json; charset=latin-1', body: '{}' },
    { name: 'another parameter', type: 'application/json; format=pandas-split', body: '{}' },
    { name: 'another type', type: 'text/plain', body: 'secret' },
    { name: 'CSV without a column', type: CSV, body: 'genre\nsecret\n' },
    { name: 'no Parquet', type: PARQUET, body: 'secret' },
    json(
      'rows as lists',
      { inputs: data },
      'ours takes them in the order of the signature; stock makes columns "0", "1", … of them and finds its own missing',
    ),
    json(
      'an integer for a text',
      { dataframe_split: { columns, data: [[20.5, 100.5, 7]] } },
      'both refuse or take it by their rule: ours never makes text of a number',
    ),
  ]
}

async function ask(url: string, { type, body }: Payload) {
  const response = await fetch(`${url}/invocations`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  const text = await response.text()
  const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
  return { status: response.status, text, json, type: response.headers.get('content-type') ?? '' }
}

type Asked = Awaited<ReturnType<typeof ask>>

/** How our answer is another than the stock server's; null: it is the same. */
function otherwise(ours: Asked, theirs: Asked): string | null {
  if (ours.status !== theirs.status) return `${ours.text.slice(0, 200)} | ${theirs.text.slice(0, 200)}`
  if (ours.status === 415)
    return ours.type.split(';')[0] === theirs.type.split(';')[0] ? null : `${ours.type} | ${theirs.type}`
  if (ours.status !== 200) return ours.json.error_code === theirs.json.error_code ? null : 'another code'
  const [got, wanted] = [ours.json.predictions as number[], theirs.json.predictions as number[]]
  if (got.length !== wanted.length) return `${got.length} predictions | ${wanted.length}`
  const row = got.findIndex((value, place) => !(Math.abs(value - (wanted[place] ?? Number.NaN)) < 1e-4))
  return row < 0 ? null : `row ${row}: ${got[row]} | ${wanted[row]}`
}

test('every payload, good and bad, is answered as stock `mlflow models serve` answers it', async (t) => {
  const differences: string[] = []
  const wrong: string[] = []
  let same = 0
  for (const payload of payloads()) {
    const { name, differs } = payload
    const [ours, theirs] = [await ask(site.connection.gatewayUrl, payload), await ask(stock.url, payload)]
    assert.doesNotMatch(ours.text, /secret/, `${name}: what was sent is repeated`)
    const shown = `${name}: ours ${ours.status} ${ours.json.error_code ?? ''}, stock ${theirs.status} ${theirs.json.error_code ?? ''}`
    if (differs !== undefined) {
      differences.push(`${shown}; ${differs}`)
      continue
    }
    const problem = otherwise(ours, theirs)
    if (problem === null) same += 1
    else wrong.push(`${shown}: ${problem}`)
  }
  assert.deepEqual(wrong, [])
  t.diagnostic(`${same} payloads answered alike; on purpose otherwise:\n${differences.join('\n')}`)
})
