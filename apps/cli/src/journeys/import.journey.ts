import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Content, sourceContent } from '../import/fixtures/content.ts'
import type { Report } from '../import/import.ts'
import { databaseSource } from '../import/sources/database.ts'
import { mlflowHttp } from '../import/sources/http.ts'
import { restSource } from '../import/sources/rest.ts'
import { openSqlite } from '../import/sources/sqlite.ts'
import { type Site, startPlatform } from './platform.ts'
import { CLONE, runScript } from './python.ts'
import { type StockMlflow, startStockMlflow } from './stock-mlflow.ts'
import { find, killNow } from './victims.ts'

const SWEEP_RUNS = 150
const POINTS = 20
/** Of the sweep, logged again through a client that needs many calls for each. */
const COPIED_RUNS = 20

let folder: string
let stock: StockMlflow
const sites: Site[] = []
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-import-journey-'))
  stock = await startStockMlflow()
  const args = [stock.url, String(SWEEP_RUNS), String(POINTS)]
  await runScript('test.txt', 'apps/cli/src/journeys/fixtures/fill_mlflow.py', stock.url, args)
})
after(async () => {
  for (const site of sites) await site.end()
  await stock.end()
  rmSync(folder, { recursive: true })
})

async function newSite(name: string): Promise<Site> {
  const site = await startPlatform(name)
  sites.push(site)
  return site
}

/** The command in a process of its own. */
function importing(site: Site, args: readonly string[]) {
  const child = spawn(join(CLONE, 'tidemark'), ['import', 'mlflow', ...args, '--url', site.connection.url], {
    cwd: CLONE,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const words: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => words.push(chunk))
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  return { child, ended, said: () => Buffer.concat(words).toString() }
}

async function imported(site: Site, args: readonly string[]): Promise<Report> {
  const file = join(folder, 'report.json')
  const command = importing(site, [...args, '--report', file])
  assert.equal(await command.ended, 0, command.said())
  return JSON.parse(readFileSync(file, 'utf8')) as Report
}

/** Runs the command and kills it as soon as so many runs are here. @returns how many were here then */
async function killedAt(site: Site, args: readonly string[], runs: number): Promise<number> {
  const command = importing(site, args)
  const ended = command.ended.then(() => true)
  for (;;) {
    const { total } = await site.connection.client.experiments.searchRuns({ query: { lifecycle: 'all', limit: 1 } })
    if (total >= runs) {
      command.child.kill('SIGKILL')
      await command.ended
      return total
    }
    const over = await Promise.race([ended, new Promise<false>((resolve) => setTimeout(() => resolve(false), 5))])
    assert.ok(!over, `the import ended before it could be killed:\n${command.said()}`)
  }
}

const contentOf = (url: string): Promise<Content> =>
  sourceContent(restSource(mlflowHttp(url, 'default', {}), 'default'))

/** Content that is comparable: every platform's experiment "Default" has times of its own. */
function comparable(content: Content): Content {
  return { ...content, experiments: content.experiments.filter(({ name }) => name !== 'Default') }
}

function counted(report: Report, kind: string) {
  const row = report.counts.find((count) => count.kind === kind)
  assert.ok(row, `${kind} are counted`)
  return row
}

/** What the script that fills a stock server leaves there. */
const FILLED: Readonly<Record<string, number>> = {
  experiments: 5,
  runs: SWEEP_RUNS + 8,
  'metric points': SWEEP_RUNS * POINTS * 5 + 13,
  'logged models': 3,
  'artifact files': 29,
  'registered models': 3,
  prompts: 1,
  versions: 5,
  aliases: 3,
}

test('a real server comes over by its API, though the import is killed three times: counts, checksums and all that is read back are equal', async (t) => {
  const site = await newSite('import-server')
  const there = comparable(await contentOf(stock.url))
  const kills: number[] = []
  for (const runs of [1, 40, 150]) kills.push(await killedAt(site, [stock.url], runs))
  t.diagnostic(`killed with ${kills.join(', ')} runs here`)
  const report = await imported(site, [stock.url])
  assert.deepEqual([report.mismatched, report.skipped], [[], []])
  for (const [kind, count] of Object.entries(FILLED)) {
    // Histories of runs that came before a kill are not read again.
    if (kind !== 'metric points') assert.equal(counted(report, kind).source, count, kind)
  }
  assert.deepEqual(comparable(await contentOf(site.connection.url)), there)

  const again = await imported(site, [stock.url])
  for (const { kind, imported: now, updated, skipped } of again.counts)
    assert.deepEqual([now, updated, skipped], [0, 0, 0], kind)
  const { imports } = await site.connection.client.imports.listImports()
  assert.deepEqual(
    imports.map(({ state }) => state),
    ['finished', 'finished'],
    'what was killed went on under its own number',
  )
})

test('the same server comes over by its SQLite database and its folder of artifacts, through a server killed in the middle', async () => {
  const site = await newSite('import-database')
  const args = [stock.database, '--artifacts', stock.artifacts]
  const command = importing(site, args)
  await new Promise((resolve) => command.child.stdout?.once('data', resolve))
  const server = find(site.platform, 'server')
  assert.ok(server)
  await killNow(server)
  await command.ended
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const ready = await fetch(`${site.connection.url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (ready) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const report = await imported(site, args)
  assert.deepEqual(report.mismatched, [])
  for (const [kind, count] of Object.entries(FILLED)) assert.equal(counted(report, kind).source, count, kind)
  const source = await databaseSource(openSqlite(stock.database), 'default')
  const there = comparable(await sourceContent(source))
  await source.close()
  assert.deepEqual(comparable(await contentOf(site.connection.url)), there)
})

test('the stock client takes from here into a fresh stock server, equal to the last byte and point', async (t) => {
  const [site] = sites
  assert.ok(site)
  const fresh = await startStockMlflow()
  try {
    const { url } = site.connection
    const said = await runScript('test.txt', 'apps/cli/src/journeys/fixtures/copy_mlflow.py', url, [
      url,
      fresh.url,
      String(COPIED_RUNS),
    ])
    t.diagnostic(said.trim())
    assert.deepEqual(JSON.parse(said.trim().split('\n').at(-1) ?? ''), {
      experiments: 5,
      runs: COPIED_RUNS + 8,
      points: COPIED_RUNS * POINTS * 5 + 13,
      files: 8,
      versions: 3,
      version_files: 21,
      aliases: 2,
    })
  } finally {
    await fresh.end()
  }
})
