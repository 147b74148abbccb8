import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '@tidemark/postgres'
import { freePort } from '@tidemark/process'
import { ensureEnvironment } from '@tidemark/workers'
import { processesNaming, processTree, pssMegabytes } from '../processes.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const DEBIAN = '/usr/lib/postgresql/15/bin'

/** A tracking server that runs, with its database. */
export interface Contestant {
  readonly name: string
  readonly url: string
  readonly database: string
  /** Processes whose trees are all of it. */
  readonly roots: () => number[]
  readonly secondsToFirstAnswer: number
  readonly megabytes: () => number
  stop(): Promise<void>
}

async function firstAnswer(url: string, started: number, child: ChildProcess): Promise<number> {
  while (performance.now() - started < 180_000 && child.exitCode === null) {
    const good = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (good) return (performance.now() - started) / 1000
    await sleep(20)
  }
  throw new Error(`${url} did not answer within 180 s, or ended.`)
}

async function ended(child: ChildProcess, signal: NodeJS.Signals, group: boolean): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  process.kill(group ? -child.pid : child.pid, signal)
  const pid = child.pid
  const timer = setTimeout(() => process.kill(group ? -pid : pid, 'SIGKILL'), 20_000)
  await exit
  clearTimeout(timer)
}

/** Tidemark on its embedded PostgreSQL, started on an empty folder. */
export async function startOurs(): Promise<Contestant> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
  chmodSync(folder, 0o711)
  const [port, gateway] = [await freePort(), await freePort()]
  const started = performance.now()
  const child = spawn(
    join(root, 'tidemark'),
    ['up', '--port', String(port), '--gateway-port', String(gateway), '--data', folder],
    { cwd: root, stdio: 'ignore', detached: true },
  )
  const url = `http://127.0.0.1:${port}`
  const seconds = await firstAnswer(`${url}/health`, started, child)
  const cluster = join(folder, 'postgres', 'cluster')
  const pid = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0])
  const password = readFileSync(join(folder, 'postgres', 'password'), 'utf8').trim()
  const socket = encodeURIComponent(join(folder, 'postgres', 'socket'))
  const all = () => [...new Set([...processTree(child.pid ?? 0), ...processTree(pid), ...processesNaming(folder)])]
  return {
    name: 'Tidemark, embedded PostgreSQL',
    url,
    database: `postgres://tidemark:${password}@localhost/tidemark?host=${socket}`,
    roots: () => [child.pid ?? 0, pid],
    secondsToFirstAnswer: seconds,
    megabytes: () => pssMegabytes(all()),
    stop: async () => {
      await ended(child, 'SIGTERM', false)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A throw-away cluster of Debian's PostgreSQL 15 with its own settings; null where it is not installed. */
async function debianPostgres(): Promise<{ url: string; pid: number; stop(): Promise<void> } | null> {
  if (!existsSync(join(DEBIAN, 'initdb'))) return null
  const folder = mkdtempSync(join(tmpdir(), 'stock-postgres-'))
  const isRoot = process.getuid?.() === 0
  const owner = isRoot
    ? { uid: Number(execFileSync('id', ['-u', 'postgres'])), gid: Number(execFileSync('id', ['-g', 'postgres'])) }
    : null
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const cluster = join(folder, 'cluster')
  execFileSync(join(DEBIAN, 'initdb'), ['-D', cluster, '-U', 'mlflow', '-A', 'trust', '--no-instructions'], {
    ...(owner ?? {}),
    cwd: folder,
    stdio: 'ignore',
  })
  const port = await freePort()
  const child = spawn(
    join(DEBIAN, 'postgres'),
    ['-D', cluster, '-k', folder, '-p', String(port), '-c', 'listen_addresses=127.0.0.1'],
    { ...(owner ?? {}), cwd: folder, stdio: 'ignore' },
  )
  for (let tries = 0; ; tries++) {
    try {
      execFileSync(
        '/usr/lib/postgresql/15/bin/createdb',
        ['-h', '127.0.0.1', '-p', String(port), '-U', 'mlflow', 'stock'],
        {
          stdio: 'ignore',
        },
      )
      break
    } catch (error) {
      if (tries > 200) throw error
      await sleep(50)
    }
  }
  return {
    url: `postgresql://mlflow@127.0.0.1:${port}/stock`,
    pid: child.pid ?? 0,
    stop: async () => {
      await ended(child, 'SIGINT', false)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A second cluster of the embedded PostgreSQL, which has only a Unix socket. */
async function embeddedPostgres(): Promise<{ url: string; pid: number; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'stock-embedded-'))
  chmodSync(folder, 0o711)
  const server = await startPostgres({ dataDir: folder })
  return {
    url: server.url.replace(/^postgres:/, 'postgresql:'),
    pid: server.pid,
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Stock `mlflow server` with its defaults, on Debian's PostgreSQL 15 where there is one. */
export async function startStock(): Promise<Contestant> {
  const { python } = await ensureEnvironment(join(root, 'bench/peers/mlflow.txt'))
  const debian = await debianPostgres()
  const database = debian ?? (await embeddedPostgres())
  const folder = mkdtempSync(join(tmpdir(), 'stock-mlflow-'))
  const port = await freePort()
  const started = performance.now()
  const child = spawn(
    python,
    [
      '-m',
      'mlflow',
      'server',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--backend-store-uri',
      database.url.replace(/^postgresql:/, 'postgresql+psycopg2:'),
      '--artifacts-destination',
      folder,
    ],
    {
      cwd: folder,
      stdio: 'ignore',
      detached: true,
      env: { ...process.env, MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: 'true' },
    },
  )
  const url = `http://127.0.0.1:${port}`
  const seconds = await firstAnswer(`${url}/health`, started, child)
  return {
    name: `MLflow 3.17.2, ${debian ? "Debian's PostgreSQL 15" : 'a second embedded PostgreSQL'}`,
    url,
    database: database.url,
    roots: () => [child.pid ?? 0, database.pid],
    secondsToFirstAnswer: seconds,
    megabytes: () => pssMegabytes(new Set([...processTree(child.pid ?? 0), ...processTree(database.pid)])),
    stop: async () => {
      await ended(child, 'SIGTERM', true)
      await database.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
