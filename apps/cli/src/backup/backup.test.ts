import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eraseDatabase } from '@tidemark/postgres'
import { freePort } from '@tidemark/process'
import { startMetricWriter } from '../journeys/metric-writer.ts'
import { startPlatform } from '../journeys/platform.ts'
import { up } from '../up/up.ts'

const FLAGS = ['--disable-warning=ExperimentalWarning', '-C', '@tidemark/source']
const MAIN = resolve(import.meta.dirname, '../main.ts')

/** The command as a person runs it. */
function tidemark(...args: string[]): Promise<{ code: number | null; output: string }> {
  const environment = { ...process.env, DATABASE_URL: '', TIDEMARK_DATA: '' }
  return new Promise((done) => {
    const child = spawn(process.execPath, [...FLAGS, MAIN, ...args], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('close', (code) => done({ code, output }))
  })
}

/** Uploads files and registers each as a version, until it is ended. */
function startRegistrar(url: string): {
  readonly registered: string[]
  readonly working: Promise<void>
  end(): Promise<void>
} {
  const registered: string[] = []
  let ending = false
  const send = async (method: string, path: string, body: string | Buffer) => {
    const response = await fetch(`${url}${path}`, { method, body, headers: { 'content-type': 'application/json' } })
    const answer = await response.text()
    assert.equal(response.status, 200, answer)
    return answer
  }
  const work = async () => {
    await send('POST', '/api/2.0/mlflow/registered-models/create', JSON.stringify({ name: 'films' }))
    const created = await send('POST', '/api/2.0/mlflow/runs/create', JSON.stringify({ experiment_id: '0' }))
    const run_id = /"run_id":"(\w+)"/.exec(created)?.[1] ?? ''
    for (let number = 1; !ending; number += 1) {
      const content = randomBytes(20_000)
      await send('PUT', `/api/2.0/mlflow-artifacts/artifacts/0/${run_id}/artifacts/${number}/model.bin`, content)
      const version = { name: 'films', source: `runs:/${run_id}/${number}`, run_id }
      await send('POST', '/api/2.0/mlflow/model-versions/create', JSON.stringify(version))
      const alias = { name: 'films', alias: 'champion', version: String(number) }
      await send('POST', '/api/2.0/mlflow/registered-models/alias', JSON.stringify(alias))
      registered.push(createHash('sha256').update(content).digest('hex'))
      await sleep(10)
    }
  }
  const working = work()
  return {
    registered,
    working,
    end: async () => {
      ending = true
      await working
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; !condition(); attempt += 1) {
    assert.ok(attempt < 600, 'the writers wrote nothing for a minute')
    await sleep(100)
  }
}

test('a platform is backed up while writers write, and restored into an empty folder with all that was acknowledged before', async () => {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-copy-'))
  const backups = join(root, 'backups')
  const restored = join('/tmp', `tidemark-restored-${process.pid}`)
  const site = await startPlatform('backup')
  const { url } = site.connection
  const { dataDir } = site.platform
  try {
    const writers = await Promise.all([startMetricWriter(url), startMetricWriter(url), startMetricWriter(url)])
    const registrar = startRegistrar(url)
    await until(
      () => registrar.registered.length >= 5 && writers.every(({ acknowledged }) => acknowledged.length >= 20),
    )

    const steps = writers.map(({ acknowledged }) => acknowledged.length)
    const versions = registrar.registered.length
    const backup = await tidemark('backup', backups, '--data', dataDir)
    assert.equal(backup.code, 0, backup.output)
    assert.match(backup.output, /is complete after/)
    const written = writers.map(({ acknowledged }) => acknowledged.length)
    assert.ok(
      written.every((count, index) => count > (steps[index] ?? 0)),
      'the writers went on while the backup was made',
    )
    await Promise.all([...writers.map((writer) => writer.end()), registrar.end()])

    const other = await tidemark('backup', backups, '--data', dataDir, '--database-url', 'postgres://a@localhost/b')
    assert.match(other.output, /uses the embedded PostgreSQL/)
    assert.equal(other.code, 1)
    const full = await tidemark('restore', backups, '--data', dataDir)
    assert.match(full.output, /is not empty/)
    assert.equal(full.code, 1)

    const restore = await tidemark('restore', backups, '--data', restored)
    assert.equal(restore.code, 0, restore.output)
    assert.match(restore.output, /hashes good[\s\S]*digests good/)

    const [port, gatewayPort] = [await freePort(), await freePort()]
    const again = await up({ port, gatewayPort, host: '127.0.0.1', dataDir: restored, logLevel: 'error' })
    try {
      for (const [index, writer] of writers.entries()) {
        const history = await writer.history(again.url)
        const found = new Set(history.map(({ step }) => step))
        const lost = writer.acknowledged.slice(0, steps[index]).filter((step) => !found.has(step))
        assert.deepEqual(lost, [])
        for (const { step, value } of history) assert.equal(value, 1 / step)
      }
      for (const [index, digest] of registrar.registered.slice(0, versions).entries()) {
        const question = `name=films&version=${index + 1}&path=model.bin`
        const file = await fetch(`${again.url}/model-versions/get-artifact?${question}`)
        const content = Buffer.from(await file.arrayBuffer())
        assert.equal(createHash('sha256').update(content).digest('hex'), digest)
      }
      const more = await startMetricWriter(again.url)
      await until(() => more.acknowledged.length >= 3)
      await more.end()
    } finally {
      await again.stop()
    }
    // A platform that is stopped is backed up as well.
    const stopped = await tidemark('backup', backups, '--data', restored)
    assert.equal(stopped.code, 0, stopped.output)
  } finally {
    await site.end()
    eraseDatabase(join(restored, 'postgres'))
    for (const folder of [root, restored]) rmSync(folder, { recursive: true, force: true })
  }
})

test('a restore that fails leaves the folder as empty as it was', async () => {
  const root = mkdtempSync('/tmp/tidemark-refused-')
  try {
    const { code, output } = await tidemark('restore', join(root, 'nothing'), '--data', join(root, 'data'))
    assert.equal(code, 1)
    assert.match(output, /There is no complete backup/)
    assert.equal(existsSync(join(root, 'data', 'postgres')), false)
    assert.equal(existsSync(join(root, 'data', 'run')), false)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})
