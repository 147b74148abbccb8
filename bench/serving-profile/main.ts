/**
 * Where the gateway's time goes: the CPU profile of its process while wrk asks a random forest of 100 trees, for one row with one caller and with 64
 * and for a thousand rows with 8, the log on. Prints the shares of the functions that took most themselves, and of what they are for; no claim, so no goal.
 *
 *   npm run bench -- serving-profile [--seconds 10] [--top 20]
 */
import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { LimitsPolicy, type Variant } from '@tidemark/contracts'
import { ensureEnvironment } from '@tidemark/workers'
import { startBenchGateway } from '../rollout-cost/gateway.ts'
import { load } from '../serving/load.ts'
import { type Profile, sharesOf } from './shares.ts'

const ROWS = 1_000
const SCRIPT = fileURLToPath(new URL('../batch/forest.py', import.meta.url))
const LOCK = fileURLToPath(new URL('../../python/locks/worker.txt', import.meta.url))
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, top: { type: 'string', default: '20' } },
})
const seconds = Number(values.seconds)
const top = Number(values.top)

const folder = mkdtempSync(join(tmpdir(), 'tidemark-serving-profile-'))
try {
  const { python } = await ensureEnvironment(LOCK)
  await promisify(execFile)(python, [SCRIPT, 'make', folder, String(ROWS)])
  const columns = JSON.parse(readFileSync(join(folder, 'columns.json'), 'utf8')) as string[]
  // Numbers as long as real ones: their texts are what is read and logged.
  const data = Array.from({ length: ROWS }, (_, row) =>
    columns.map((_, place) => Math.sqrt(1 + row * columns.length + place)),
  )
  for (const [name, rows] of [
    ['one', data.slice(0, 1)],
    ['thousand', data],
  ] as const)
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ dataframe_split: { columns, data: rows } }))
  await profiled('1 row a request, one at a time', 'one', 1, columns)
  await profiled('1 row a request, 64 at a time', 'one', 64, columns)
  await profiled('1,000 rows a request, 8 at a time', 'thousand', 8, columns)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function profiled(title: string, body: string, concurrency: number, columns: readonly string[]): Promise<void> {
  const profiles = mkdtempSync(join(folder, 'profiles-'))
  const onnx = readFileSync(join(folder, 'forest.onnx'))
  const digest = `sha256:${hash('sha256', onnx, 'hex')}`
  const champion: Variant = {
    version: 'forest/1',
    runtime: {
      kind: 'onnx',
      model: digest,
      inputs: columns.map((column) => ({ column, tensor: 'x', type: 'float32', missing: 'refused' })),
      output: 'label',
    },
  }
  const gateway = await startBenchGateway({
    files: new Map([[digest, onnx]]),
    endpoint: (routing) => ({
      workspace: 'default',
      name: 'forest',
      replay: false,
      columns: columns.map((name) => ({ name, type: 'double', required: true })),
      input: { kind: 'columns' },
      champion,
      routing,
      limits: LimitsPolicy.parse({}),
    }),
    nodeFlags: ['--cpu-prof', '--cpu-prof-dir', profiles],
  })
  try {
    const { perSecond, cpuMs } = await load(gateway.url, join(folder, `${body}.json`), [gateway.pid], {
      concurrency,
      seconds,
    })
    console.log(`\n${title}: ${perSecond.toFixed(0)} req/s, ${cpuMs.toFixed(3)} ms of CPU each`)
  } finally {
    await gateway.stop()
  }
  const read = readdirSync(profiles).map((file) => JSON.parse(readFileSync(join(profiles, file), 'utf8')) as Profile)
  const { functions, purposes } = sharesOf(read)
  const line = ([name, share]: readonly [string, number]) =>
    console.log(`  ${(share * 100).toFixed(1).padStart(5)} %  ${name}`)
  purposes.forEach(line)
  console.log('  of it, by function')
  functions.slice(0, top).forEach(line)
}
