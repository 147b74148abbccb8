import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '@tidemark/process'
import type { PlatformSettings } from '../settings.ts'
import { openDataFolder, readRecord } from './data-folder.ts'
import { identify, isAlive } from './process-table.ts'
import { type Platform, type UpOptions, up } from './up.ts'

const root = mkdtempSync('/tmp/tidemark-up-')
chmodSync(root, 0o755)
after(() => rmSync(root, { recursive: true, force: true }))
const program = join(import.meta.dirname, 'fixtures/tiny-program.ts')
const programs = { server: program, gateway: program }

function listen(port = 0): Promise<{ server: Server; port: number }> {
  return new Promise((resolve) => {
    const server = createServer().listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve({ server, port: typeof address === 'object' && address ? address.port : 0 })
    })
  })
}

/** With the embedded database, for what concerns it. */
async function settings(name: string): Promise<PlatformSettings> {
  const [port, gatewayPort] = [await freePort(), await freePort()]
  return { port, gatewayPort, host: '127.0.0.1', dataDir: join(root, name), logLevel: 'info' }
}

/** With another database, which the tiny programs never ask anything: spares a test the making of a cluster. */
async function settingsElsewhere(name: string): Promise<PlatformSettings> {
  return { ...(await settings(name)), databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }
}

interface Answer {
  name: string
  pid: number
  environment: Record<string, string>
}

/** Asks until somebody answers, as long as a restart may take. */
async function ask(url: string): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return (await (await fetch(url)).json()) as Answer
    } catch (error) {
      if (attempt === 200) throw error
      await sleep(25)
    }
  }
}

async function withPlatform(
  name: string,
  work: (platform: Platform) => Promise<void>,
  options: UpOptions = {},
): Promise<void> {
  const platform = await up(await settings(name), { programs, ...options })
  try {
    await work(platform)
  } finally {
    await platform.stop()
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (condition()) return
    await sleep(25)
  }
  assert.fail(`not within 10 s: ${what}`)
}

test('each program is told what it needs and no more, and the secret is private and lasting', async () => {
  let token: string | undefined
  for (let start = 0; start < 2; start++) {
    await withPlatform('told', async (platform) => {
      const [server, gateway] = await Promise.all([ask(platform.url), ask(platform.gatewayUrl)])
      assert.deepEqual([server.name, gateway.name], ['server', 'gateway'])
      assert.match(server.environment.TIDEMARK_DATABASE_URL ?? '', /^postgres:\/\/tidemark:/)
      assert.equal(gateway.environment.TIDEMARK_DATABASE_URL, undefined)
      assert.equal(gateway.environment.TIDEMARK_SERVER_URL, platform.url)
      assert.equal(server.environment.TIDEMARK_DATA, platform.dataDir)
      const secret = server.environment.TIDEMARK_INTERNAL_TOKEN ?? ''
      assert.ok(secret.length >= 43 && gateway.environment.TIDEMARK_INTERNAL_TOKEN === secret)
      assert.equal(token ?? secret, secret)
      token = secret
      assert.equal(statSync(join(platform.dataDir, 'run/internal-token')).mode & 0o777, 0o600)
      assert.equal(statSync(join(platform.dataDir, 'run')).mode & 0o777, 0o700)
    })
  }
})

test('gateway, server and database are stopped in this order', async () => {
  const journal = join(root, 'order.txt')
  let database = 0
  await withPlatform(
    'order',
    async (platform) => {
      database = platform.pids().database ?? 0
      assert.ok(identify(database))
    },
    { environment: { TINY_JOURNAL: journal } },
  )
  assert.equal(readFileSync(journal, 'utf8'), 'stopped gateway\nstopped server\n')
  assert.equal(identify(database), undefined)
})

test('a program that ignores the request to end is killed, and stopping takes less than 10 s', async () => {
  const platform = await up(await settingsElsewhere('hangs'), {
    programs,
    environment: { TINY_MISBEHAVE: 'gateway hangs' },
  })
  const { pid } = await ask(platform.gatewayUrl)
  const begun = performance.now()
  await platform.stop()
  assert.ok(performance.now() - begun < 10_000)
  assert.equal(identify(pid), undefined)
})

test('server, gateway and database are started again when they are killed', async () => {
  await withPlatform('restarts', async (platform) => {
    for (const url of [platform.url, platform.gatewayUrl]) {
      const before = await ask(url)
      process.kill(before.pid, 'SIGKILL')
      const next = await ask(url)
      assert.notEqual(next.pid, before.pid)
      assert.equal(next.environment.TIDEMARK_DATABASE_URL, before.environment.TIDEMARK_DATABASE_URL)
    }
    const { database } = platform.pids()
    assert.ok(database)
    process.kill(database, 'SIGKILL')
    const journal = join(platform.dataDir, 'logs/supervisor.log')
    await until(() => /"restarted","part":"database"/.test(readFileSync(journal, 'utf8')), 'the database runs again')
    const next = platform.pids().database
    assert.ok(next !== undefined && next !== database && identify(next))
  })
})

test('a program that never says that it is ready is asked', async () => {
  const platform = await up(await settingsElsewhere('silent'), { programs, environment: { TINY_MISBEHAVE: 'silent' } })
  assert.equal((await ask(platform.url)).name, 'server')
  assert.equal(platform.pids().database, undefined)
  await platform.stop()
})

test('a program that fails at its first start ends the whole start, with its last words', async () => {
  const given = await settingsElsewhere('broken')
  const failing = up(given, { programs, environment: { TINY_MISBEHAVE: 'server fails' } })
  await assert.rejects(failing, /The server ended with exit code 3.*this program is broken/s)
  // Nothing is left behind: the same folder and ports can be used at once.
  await (await up(given, { programs })).stop()
})

test('a database that does not start ends the whole start with its reason, and the server that waited for it', async () => {
  const given = await settings('no-database')
  const folder = openDataFolder(given.dataDir)
  writeFileSync(join(folder.path, 'postgres'), 'not a folder')
  const journal = join(root, 'no-database.txt')
  const spawned = up(given, { programs, environment: { TINY_JOURNAL: journal } })
  await assert.rejects(spawned, /EEXIST|ENOTDIR/)
  assert.deepEqual(readRecord(folder), undefined)
  rmSync(join(folder.path, 'postgres'))
  await (await up(given, { programs })).stop()
})

test('a taken port is named, with who has it and what to do, and nothing is left running', async () => {
  const given = await settingsElsewhere('taken')
  for (const [port, flag] of [
    [given.port, '--port'],
    [given.gatewayPort, '--gateway-port'],
  ] as const) {
    const { server } = await listen(port)
    const expected = new RegExp(`Port ${port} is taken by pid ${process.pid} \\(.*choose another port with ${flag}`)
    await assert.rejects(up(given, { programs }), expected)
    await new Promise((done) => server.close(done))
  }
  await (await up(given, { programs })).stop()
})

/** A supervisor in a process of its own, once it is ready. */
async function startSupervisor(
  given: PlatformSettings,
  journal: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<ChildProcess> {
  const { port, gatewayPort, dataDir } = given
  const args = ['--port', String(port), '--gateway-port', String(gatewayPort), '--data', dataDir]
  const file = join(import.meta.dirname, 'fixtures/tiny-platform.ts')
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '-C', '@tidemark/source', file, ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TINY_JOURNAL: journal, ...environment },
    },
  )
  await new Promise((done) => child.stdout?.once('data', done))
  return child
}

test('a second platform in the same folder is refused, and told whose the folder is', async () => {
  const given = await settings('twice')
  const child = await startSupervisor(given, join(root, 'twice.txt'))
  try {
    await assert.rejects(
      up({ ...(await settings('twice')) }, { programs }),
      new RegExp(`in use by pid ${child.pid} \\(http://`),
    )
  } finally {
    child.kill('SIGTERM')
    const code = await new Promise((done) => child.once('exit', done))
    assert.equal(code, 0)
  }
})

async function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((done) => child.once('exit', (code) => done(code)))
}

test('one Ctrl-C that arrives twice stops in order; a second one later kills what hangs', async () => {
  const given = await settings('signals')
  const journal = join(root, 'signals.txt')
  const orderly = await startSupervisor(given, journal)
  orderly.kill('SIGINT')
  await sleep(20)
  orderly.kill('SIGINT')
  assert.equal(await exitCode(orderly), 0)
  assert.equal(readFileSync(journal, 'utf8'), 'stopped gateway\nstopped server\n')

  const hanging = await startSupervisor(given, journal, { TINY_MISBEHAVE: 'gateway hangs' })
  const left = readRecord(openDataFolder(given.dataDir))?.processes
  assert.ok(left?.server && left.gateway && left.database)
  hanging.kill('SIGINT')
  await sleep(1000)
  hanging.kill('SIGINT')
  assert.equal(await exitCode(hanging), 1)
  const { server, gateway, database } = left
  await until(() => ![server, gateway, database].some(isAlive), 'all of it is dead')
})

test('after kill -9 of the supervisor its programs end, and the next start adopts the database', async () => {
  const given = await settings('orphans')
  const journal = join(root, 'orphans.txt')
  const child = await startSupervisor(given, journal)
  const left = readRecord(openDataFolder(given.dataDir))?.processes
  child.kill('SIGKILL')
  await new Promise((done) => child.once('exit', done))
  assert.ok(left?.server && left.gateway && left.database)
  const platform = await up(given, { programs })
  try {
    assert.deepEqual([isAlive(left.server), isAlive(left.gateway), isAlive(left.database)], [false, false, true])
    assert.deepEqual(readFileSync(journal, 'utf8').trim().split('\n').sort(), ['orphaned gateway', 'orphaned server'])
    assert.equal(platform.pids().database, left.database.pid)
  } finally {
    await platform.stop()
  }
  assert.equal(isAlive(left.database), false)
})
