import { spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where Debian's package postgresql-15 puts its programs. */
const PROGRAMS = process.env.TIDEMARK_POSTGRES15 ?? '/usr/lib/postgresql/15/bin'

/** A stock PostgreSQL 15 on an empty cluster of its own, thrown away at the end. */
export interface DebianPostgres {
  /** Of a role that may create databases and is no superuser, as on a hosted server. */
  readonly url: string
  stop(): Promise<void>
}

export function hasDebianPostgres(): boolean {
  return existsSync(join(PROGRAMS, 'initdb'))
}

/** PostgreSQL refuses root: as root its processes are those of the package's user, else of nobody. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const [, , uid, gid] =
    ['postgres:', 'nobody:']
      .flatMap((name) => users.find((line) => line.startsWith(name)) ?? [])
      .at(0)
      ?.split(':') ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

/** Starts it with its own settings, but for a socket of its own and no waiting for the disk. @throws Error with what it printed */
export async function startDebianPostgres(): Promise<DebianPostgres> {
  const home = mkdtempSync('/tmp/tidemark-pg15-')
  const as = account()
  if (as.uid !== undefined && as.gid !== undefined) chownSync(home, as.uid, as.gid)
  const options = { ...as, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' } }
  const cluster = join(home, 'cluster')
  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr, error } = spawnSync(join(PROGRAMS, program), args, { ...options, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stdout + stderr}`)
  }
  run('initdb', '-D', cluster, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync')
  const settings = {
    listen_addresses: '',
    unix_socket_directories: home,
    fsync: 'off',
    max_connections: '200',
    log_min_messages: 'panic',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(join(PROGRAMS, 'postgres'), ['-D', cluster, ...flags], {
    ...options,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = new Promise<void>((done) => server.once('close', () => done()))
  const stop = async () => {
    server.kill('SIGINT')
    await ended
    rmSync(home, { recursive: true, force: true })
  }
  try {
    const ready = ['-h', home, '-q']
    for (let tries = 0; spawnSync(join(PROGRAMS, 'pg_isready'), ready, options).status !== 0; tries += 1) {
      if (tries === 300 || server.exitCode !== null) throw new Error('PostgreSQL 15 did not start.')
      await sleep(50)
    }
    const statements = ['create role tidemark login createdb', 'create database tidemark owner tidemark']
    for (const statement of statements) run('psql', '-h', home, '-U', 'postgres', '-q', '-c', statement, 'postgres')
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `postgres://tidemark@localhost/tidemark?host=${encodeURIComponent(home)}`, stop }
}
