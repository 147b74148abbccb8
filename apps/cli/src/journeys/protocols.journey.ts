import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort } from '@tidemark/process'
import { ensureEnvironment } from '@tidemark/workers'
import { until } from '../demo/settle.ts'
import { type Site, startPlatform } from './platform.ts'
import { difference, send, shown } from './protocols/compare.ts'
import { COMPARED } from './protocols/compared.ts'
import type { Given } from './protocols/payload.ts'
import { CLONE, runScript } from './python.ts'
import { serve } from './serving.ts'

const MODEL = 'films-served'
/** A stock server imports MLflow twice before it listens. */
const START_SECONDS = 400
const folder = mkdtempSync(join(tmpdir(), 'tidemark-protocols-'))
let site: Site

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
  await until('the gateway to answer', () => answers(`${site.connection.gatewayUrl}/ping`))
})
after(async () => {
  await site?.end()
  rmSync(folder, { recursive: true, force: true })
})

const answers = async (address: string) =>
  (await fetch(address).then(
    (response) => response.ok,
    () => false,
  )) || undefined

/** `mlflow models serve` of the same model, in the environment that the platform serves it in. */
async function startStock(model: string) {
  const { python } = await ensureEnvironment(join(CLONE, 'python/locks/worker.txt'))
  const port = String(await freePort())
  const args = ['-m', 'mlflow', 'models', 'serve', '-m', join(folder, model), '-p', port, '-h', '127.0.0.1']
  const child = spawn(python, [...args, '--env-manager', 'local'], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, PATH: `${dirname(python)}:${process.env.PATH}`, MLFLOW_DISABLE_TELEMETRY: 'true' },
  })
  const url = `http://127.0.0.1:${port}`
  await until('the stock server to answer', () => answers(`${url}/ping`), START_SECONDS).catch((error) => {
    child.kill('SIGTERM')
    throw error
  })
  return { url, child }
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

test('every payload, good and bad, is answered as stock `mlflow models serve` answers it, or as the list of differences says', async (t) => {
  const rows = JSON.parse(readFileSync(join(folder, 'rows.json'), 'utf8')) as Pick<Given, 'columns' | 'data'>
  const given: Given = { ...rows, file: (name) => readFileSync(join(folder, name)) }
  const wrong: string[] = []
  let alike = 0
  for (const { model, payloads } of COMPARED) {
    await serve(site.connection.client, model, START_SECONDS * 1000)
    const stock = await startStock(model)
    try {
      for (const payload of payloads) {
        const { name, otherwise } = payload
        const ours = await send(`${site.connection.gatewayUrl}/endpoints/${model}/invocations`, payload, given)
        const theirs = await send(`${stock.url}/invocations`, payload, given)
        assert.doesNotMatch(ours.text, /secret/, `${name}: what was sent is repeated`)
        const differs = difference(ours, theirs)
        const [got, stocks] = [shown(ours), shown(theirs)]
        if (otherwise ? differs && got === otherwise.ours && stocks === otherwise.stock : !differs) alike += 1
        else wrong.push(`${model}, ${name}: ours ${got}, stock ${stocks}: ${differs}`)
      }
    } finally {
      stock.child.kill('SIGTERM')
    }
  }
  assert.deepEqual(wrong, [])
  t.diagnostic(`${alike} payloads answered as listed`)
})
