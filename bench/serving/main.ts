/**
 * Serving: the same models behind `mlflow models serve`, behind Tidemark's gateway with its log on, and the forest and the boosting pipeline behind
 * the least that can serve them (Fastify and onnxruntime-node). Every server answers a thousand rows as Python does before it is measured.
 * Load by wrk (Debian: apt-get install wrk).
 *
 *   npm run bench -- serving [--json FILE] [--quick] [--part forest|boosting|histogram|custom|keras|memory|batch]…
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { measureBatch } from '../batch/measure.ts'
import { type Row, report } from '../report.ts'
import { type Contestant, type Ours, pythonOf, serve, startBare, startOurs, startStock } from './contestants.ts'
import { CELLS, type Figures, measure, show } from './measure.ts'
import { memoryOfMany } from './memory.ts'
import { assertParity } from './parity.ts'
import { judge } from './table.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    part: { type: 'string', multiple: true, default: [] },
  },
})
const MODELS = [
  { name: 'forest', lock: 'worker.txt', bare: true },
  { name: 'boosting', lock: 'worker.txt', bare: true },
  { name: 'histogram', lock: 'worker.txt', bare: false },
  { name: 'custom', lock: 'worker.txt', bare: false },
  { name: 'keras', lock: 'tensorflow.txt', bare: false },
]
const PARTS = [...MODELS.map(({ name }) => name), 'memory', 'batch']
const unknown = values.part.filter((part) => !PARTS.includes(part))
if (unknown.length > 0) throw new Error(`There is no part "${unknown.join('", "')}": it is one of ${PARTS.join(', ')}.`)
const isWanted = (part: string) => values.part.length === 0 || values.part.includes(part)

const folder = mkdtempSync(join(tmpdir(), 'tidemark-serving-models-'))
const rows: Row[] = []
try {
  const models = MODELS.filter(({ name }) => isWanted(name))
  if (models.length > 0) await onPlatform((ours) => serveModels(ours, models))
  if (isWanted('memory'))
    // On a platform of its own: the models of other parts are not to be counted.
    await onPlatform(async (ours) => {
      await train(ours.url, ['many'], 'worker.txt')
      rows.push(...(await memoryOfMany(ours, folder, values.quick)))
    })
  // Not fewer: the memory of its threads has its full size after 400,000 rows, and growth is counted from a fifth of them.
  if (isWanted('batch')) rows.push(...(await measureBatch(values.quick ? 2_000_000 : 10_000_000)))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
report(rows, values.json)

async function onPlatform(work: (ours: Ours) => Promise<void>): Promise<void> {
  const ours = await startOurs()
  try {
    await work(ours)
  } finally {
    await ours.stop()
  }
}

async function serveModels(ours: Ours, models: typeof MODELS): Promise<void> {
  for (const lock of new Set(models.map((model) => model.lock)))
    await train(
      ours.url,
      models.filter((model) => model.lock === lock).map(({ name }) => name),
      lock,
    )
  for (const { name, lock, bare } of models) {
    const files = join(folder, name)
    const us = await serve(ours, `bench-${name}`, await readFile(join(files, 'one.json')))
    console.log(`${name} runs in ${us.runtime}`)
    const stock = await figures('mlflow', files, () =>
      pythonOf(lock).then((python) => startStock(python, join(files, 'model'))),
    )
    const least = bare ? await figures('bare', files, () => startBare(join(files, 'bare.onnx'))) : null
    const own = await figures('ours', files, async () => us)
    rows.push(...judge(name, us.runtime, own, stock, least))
  }
}

async function train(url: string, names: readonly string[], lock: string): Promise<void> {
  const python = await pythonOf(lock)
  const script = join(import.meta.dirname, 'models.py')
  const env = { ...process.env, MLFLOW_TRACKING_URI: url, MLFLOW_DISABLE_TELEMETRY: 'true', TF_CPP_MIN_LOG_LEVEL: '3' }
  // Not synchronous: connections that the server closes meanwhile must be noticed.
  const { stdout } = await promisify(execFile)(python, [script, names.join(','), folder], { env, cwd: folder })
  console.log(
    `trained and registered: ${stdout
      .split('\n')
      .filter((line) => /^\w+$/.test(line))
      .join(', ')}`,
  )
}

/** Starts a server, asserts that it answers right, measures it, and ends it. */
async function figures(who: string, files: string, start: () => Promise<Contestant>): Promise<Figures> {
  const contestant = await start()
  try {
    const difference = await assertParity(contestant.url, files)
    await contestant.settled?.()
    const measured = await measure(contestant, files, values.quick)
    console.log(`  ${who}: largest difference ${difference.toExponential(1)}, ${measured.megabytes.toFixed(0)} MB`)
    for (const cell of CELLS) console.log(`    ${show(cell, measured)}`)
    return measured
  } finally {
    await contestant.stop()
  }
}
