/**
 * `npm test`: every test in TypeScript (the browser's among them) and Python. `npm run test:journeys`: the slow journeys instead.
 * The database's tests run a second time, on a PostgreSQL 15. Ends with one line each of node:test's and pytest's counts.
 */
import { spawn } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { startPlatform } from '../apps/cli/src/journeys/platform.ts'
import { ensureWeb } from '../apps/cli/src/web-build.ts'
import { browserPath } from './browser.ts'
import { hasDebianPostgres, startDebianPostgres } from './debian-postgres.ts'
import { environmentFor } from './python.ts'

const journeys = process.argv.includes('--journeys')
const pattern = process.argv.slice(2).find((argument) => !argument.startsWith('--'))

interface Outcome {
  readonly name: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly good: boolean
}

// The counts come before the reports of failures, which may be long.
const TAIL_CHARACTERS = 1_000_000

/** Runs a command with its output shown, and keeps the output's end for the counts. */
function run(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<{ status: number; tail: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
    let tail = ''
    child.stdout.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk)
      tail = (tail + chunk.toString()).slice(-TAIL_CHARACTERS)
    })
    child.on('close', (status) => resolve({ status: status ?? 1, tail }))
  })
}

function count(text: string, expression: RegExp): number {
  const matches = [...text.matchAll(expression)]
  return Number(matches.at(-1)?.[1] ?? 0)
}

function nodeTests(environment: NodeJS.ProcessEnv): Promise<Outcome> {
  const ending = journeys ? 'journey.ts' : 'test.ts'
  const places = ['apps', 'packages', 'bench', 'examples', 'tools']
  return testFiles(
    places.map((place) => `${place}/**/*.${ending}`),
    environment,
  )
}

async function testFiles(patterns: readonly string[], environment: NodeJS.ProcessEnv): Promise<Outcome> {
  const files = globSync(patterns, { exclude: (path) => path.includes('node_modules') }).filter(
    (file) => !pattern || file.includes(pattern),
  )
  if (files.length === 0) return { name: 'node:test', passed: 0, failed: 0, skipped: 0, good: Boolean(pattern) }
  const flags = ['--disable-warning=ExperimentalWarning', '-C', '@tidemark/source', '--test', '--test-reporter=spec']
  const concurrency = journeys ? '1' : '2'
  const { status, tail } = await run(
    process.execPath,
    [...flags, `--test-concurrency=${concurrency}`, ...files.sort()],
    environment,
  )
  return {
    name: 'node:test',
    passed: count(tail, /pass (\d+)/g),
    failed: count(tail, /fail (\d+)/g),
    skipped: count(tail, /skipped (\d+)/g),
    good: status === 0,
  }
}

/** What must hold on a PostgreSQL of the user's own as on the embedded one: schema, queue, events, tracking, registry, backup, upgrade. */
const ON_EVERY_POSTGRES = [
  'apps/server/src/platform/{blobs,blobSweep,events,jobs,reset}.test.ts',
  'apps/server/src/{experiments,registry,backup,retention,webhooks,evaluationDatasets}/*.test.ts',
  'apps/server/src/upgrades/*.test.ts',
]

/** Runs the tests of the database on a stock PostgreSQL 15, the oldest that is supported. */
async function postgres15Tests(environment: NodeJS.ProcessEnv): Promise<Outcome> {
  const postgres = await startDebianPostgres()
  try {
    const own = { ...environment, TIDEMARK_TEST_DATABASE_URL: postgres.url }
    return { ...(await testFiles(ON_EVERY_POSTGRES, own)), name: 'node:test on PostgreSQL 15' }
  } finally {
    await postgres.stop()
  }
}

/** Runs pytest beside a platform of its own, which tests of clients find at TIDEMARK_URL. */
async function pythonTests(environment: NodeJS.ProcessEnv): Promise<Outcome> {
  const { dir } = await environmentFor('test')
  const platform = await startPlatform('pytest', { devLoopbackWebhooks: true })
  try {
    return await pytest(`${dir}/bin/python`, { ...environment, TIDEMARK_URL: platform.connection.url })
  } finally {
    await platform.end()
  }
}

async function pytest(python: string, environment: NodeJS.ProcessEnv): Promise<Outcome> {
  const marker = journeys ? 'journey' : 'not journey'
  const args = [
    '-m',
    'pytest',
    'python/tests',
    '-q',
    '-p',
    'no:cacheprovider',
    '-m',
    marker,
    ...(pattern ? ['-k', pattern] : []),
  ]
  const { status, tail } = await run(python, args, environment)
  // 5: no test matched, which is fine for a pattern and for journeys.
  const none = status === 5 && (journeys || Boolean(pattern))
  return {
    name: 'pytest',
    passed: count(tail, /(\d+) passed/g),
    failed: count(tail, /(\d+) (?:failed|error)/g),
    skipped: count(tail, /(\d+) skipped/g),
    good: status === 0 || none,
  }
}

const started = performance.now()
// Tests of the server ask for the pages too.
await ensureWeb(join(import.meta.dirname, '..'))
const browser = browserPath()
const shared = process.env.TIDEMARK_SHARED_DATA ?? '../shared/data'
const environment = { ...process.env, ...(browser ? { TIDEMARK_BROWSER: browser } : {}) }
const outcomes = [await nodeTests(environment)]
const postgres15 = hasDebianPostgres()
if (postgres15 && !journeys) outcomes.push(await postgres15Tests(environment))
outcomes.push(await pythonTests(environment))

console.log('')
if (!existsSync(shared))
  console.log(`Tests on shared data sets: skipped, because ${shared} is not there (set TIDEMARK_SHARED_DATA).`)
if (!browser)
  console.log(
    'Browser tests: not run, no Chromium was found (Debian: apt-get install chromium; or set TIDEMARK_BROWSER).',
  )
if (!postgres15)
  console.log(
    'Tests on a PostgreSQL 15: not run, /usr/lib/postgresql/15 is not there (Debian: apt-get install postgresql-15; or name its bin in TIDEMARK_POSTGRES15).',
  )
const missing = (!browser || !postgres15) && Boolean(process.env.CI)
for (const { name, passed, failed, skipped } of outcomes)
  console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`)
console.log(`in ${((performance.now() - started) / 1000).toFixed(0)} s`)
process.exit(outcomes.every((outcome) => outcome.good) && !missing ? 0 : 1)
