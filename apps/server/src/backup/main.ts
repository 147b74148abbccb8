import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { TidemarkError } from '@tidemark/contracts'
import { backup } from './backup.ts'
import { restore } from './restore.ts'

// Started by the CLI, which gives it the database that belongs to the data folder.

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

async function main([verb, folder]: string[]): Promise<void> {
  const databaseUrl = process.env.TIDEMARK_DATABASE_URL
  const dataDir = process.env.TIDEMARK_DATA
  if (!databaseUrl || !dataDir || !folder) throw new Error('Use "tidemark backup" and "tidemark restore".')
  const started = performance.now()
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`
  if (verb === 'backup') {
    const made = await backup({
      databaseUrl,
      dataDir,
      target: resolve(folder),
      release: version,
      now: () => new Date(),
    })
    const { tables, blobs, files, jobs, lastPosition } = made.manifest
    const rows = tables.reduce((sum, table) => sum + table.rows, 0)
    console.log(
      `Backup ${made.folder} is complete after ${seconds()}: ${tables.length} tables with ${rows} rows, ${jobs.count} jobs,`,
    )
    console.log(
      `events up to ${lastPosition}, ${blobs.count} blobs and ${files.count} files (${megabytes(blobs.bytes + files.bytes)}, of which ${megabytes(made.copied.bytes)} were new).`,
    )
  } else {
    const { folder: from, manifest } = await restore({ from: resolve(folder), databaseUrl, dataDir })
    const { tables, blobs, files, jobs, lastPosition } = manifest
    const rows = tables.reduce((sum, table) => sum + table.rows, 0)
    console.log(
      `Restored ${from} to ${dataDir} in ${seconds()}: ${tables.length} tables with ${rows} rows, ${jobs.count} jobs,`,
    )
    console.log(
      `events up to ${lastPosition} (hashes good), ${blobs.count} blobs and ${files.count} files (${megabytes(blobs.bytes + files.bytes)}, digests good).`,
    )
  }
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof TidemarkError ? `tidemark: ${error.message}` : error)
  process.exitCode = 1
}
