import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Account, spawnAs } from './account.ts'
import type { Binaries } from './binaries.ts'
import { postgresError } from './errors.ts'
import type { Place } from './place.ts'
import type { Durability } from './settings.ts'

/** Database and role of the product. The role owns its database and is no superuser, as on a hosted PostgreSQL. */
export const PRODUCT = 'tidemark'

/** The environment of the database's processes: none of ours, so that no secret and no PG* variable reaches them. */
export const DATABASE_ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** Runs a program of the package to its end. @returns what it wrote and its exit code */
function run(account: Account, program: string, args: string[], input = ''): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...spawnAs(account), env: DATABASE_ENVIRONMENT, stdio: 'pipe' })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => reject(postgresError('CANNOT_DROP_ROOT', error.message)))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
    child.stdin.on('error', () => {}) // it may end before it reads; its exit code tells
    child.stdin.end(input)
  })
}

async function initdb(account: Account, binaries: Binaries, cluster: string): Promise<void> {
  // initdb wants a password for its superuser, from a file: /dev/stdin is a socket under Node and cannot be opened.
  const passwordFile = join(dirname(cluster), `.initdb-${process.pid}`)
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 })
  if (account.drop) chownSync(passwordFile, account.drop.uid, account.drop.gid)
  try {
    const result = await run(account, binaries.initdb, [
      ...['-D', cluster, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8'],
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      // Memory that is not touched for the first time: PostgreSQL's own 128 MB cost a tenth of the second.
      ...['--no-instructions', '--wal-segsize=4', '--no-sync', '-c', 'shared_buffers=16MB'],
    ])
    if (result.code !== 0) throw postgresError('INITDB_FAILED', result.output.trim())
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/** The product's role and database, made in single-user mode: no client, no open port, no superuser that can log in. */
async function createProduct(account: Account, binaries: Binaries, cluster: string, password: string): Promise<void> {
  const statements = [
    `CREATE ROLE ${PRODUCT} LOGIN CREATEDB PASSWORD '${password}'`,
    `GRANT pg_monitor TO ${PRODUCT}`,
    // Renamed, not created: the database that initdb leaves for administrators has no other use here, and another one is 16 MB to write.
    `ALTER DATABASE postgres RENAME TO ${PRODUCT}`,
    `ALTER DATABASE ${PRODUCT} OWNER TO ${PRODUCT}`,
    `COMMENT ON DATABASE ${PRODUCT} IS NULL`,
    'ALTER ROLE postgres PASSWORD NULL',
  ]
  const args = ['--single', '-D', cluster, '-c', 'io_method=sync', '-c', 'fsync=off', 'template1']
  const result = await run(account, binaries.postgres, args, `${statements.join('\n')}\n`)
  // Single-user mode goes on after an error and still exits with 0.
  const failed = /^.*(ERROR|FATAL|PANIC):.*$/m.exec(result.output)
  if (result.code !== 0 || failed) throw postgresError('INITDB_FAILED', failed?.[0] ?? result.output.trim())
}

/** Everything on its way to the disk arrives there: one call in place of an fsync for each of a thousand files. */
async function sync(account: Account, binaries: Binaries, cluster: string): Promise<void> {
  const result = await run(account, binaries.initdb, ['--sync-only', '--sync-method=syncfs', '-D', cluster])
  if (result.code !== 0) throw postgresError('INITDB_FAILED', result.output.trim())
}

/**
 * Makes the cluster when there is none yet (0.5 s). A crash in between leaves only `cluster.new`, which the next start removes.
 * @returns the password of the product's role
 * @throws INITDB_FAILED, PASSWORD_MISSING
 */
export async function ensureCluster(
  account: Account,
  binaries: Binaries,
  place: Place,
  durability: Durability,
): Promise<string> {
  const passwordFile = join(place.home, 'password')
  const outside = dirname(place.cluster) !== place.home
  if (existsSync(place.cluster)) {
    if (existsSync(passwordFile)) return readFileSync(passwordFile, 'utf8').trim()
    if (!outside) throw postgresError('PASSWORD_MISSING', passwordFile)
    // The data folder was emptied, its database lies elsewhere: the old one is not this folder's any more.
    renameSync(place.cluster, `${place.cluster}-abandoned-${Date.now()}`)
  }
  const building = `${place.cluster}.new`
  rmSync(building, { recursive: true, force: true })
  mkdirSync(building, { mode: 0o700 })
  if (account.drop) chownSync(building, account.drop.uid, account.drop.gid)
  await initdb(account, binaries, building)
  const password = randomBytes(24).toString('base64url')
  await createProduct(account, binaries, building, password)
  // Before the name that says that it is whole.
  if (durability === 'durable') await sync(account, binaries, building)
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  renameSync(building, place.cluster)
  return password
}
