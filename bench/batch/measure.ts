/** A forest over many rows of a Parquet file, by the program that batch predictions run and by scikit-learn alone. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { ensureEnvironment } from '@tidemark/workers'
import type { Row } from '../report.ts'

const PROGRAM = fileURLToPath(new URL('../../apps/gateway/src/batch/main.ts', import.meta.url))
const SCRIPT = fileURLToPath(new URL('./forest.py', import.meta.url))
const LOCK = fileURLToPath(new URL('../../python/locks/worker.txt', import.meta.url))
/** Growth of the process from a fifth of its rows to the end that still counts as flat. */
const FLAT_MEGABYTES = 64

/**
 * Makes the rows and has both sides predict them, one after the other; every answer is compared.
 * @throws Error when one differs
 */
export async function measureBatch(rows: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-batch-'))
  try {
    const { python } = await ensureEnvironment(LOCK)
    await run(python, [SCRIPT, 'make', folder, String(rows)])
    const ours = await predictBatch(folder, rows)
    const peer = JSON.parse(await run(python, [SCRIPT, 'predict', folder])) as { seconds: number; megabytes: number }
    const differing = await compare(folder)
    if (differing > 0) throw new Error(`${differing} of ${rows} answers differ from scikit-learn's.`)
    console.log(
      `batch, ${rows} rows, every answer equal; largest memory ${ours.megabytes.toFixed(0)} MB, scikit-learn ${peer.megabytes.toFixed(0)} MB`,
    )
    return [
      {
        claim: `batch, forest of 100, ${rows} rows`,
        peer: rows / peer.seconds,
        ours: rows / ours.seconds,
        unit: 'rows/s',
        ratio: peer.seconds / ours.seconds,
        goal: '≥ scikit-learn alone',
        met: ours.seconds <= peer.seconds,
      },
      {
        claim: 'batch, growth of memory from a fifth of the rows to the end',
        peer: null,
        ours: ours.growth,
        unit: 'MB',
        ratio: null,
        goal: `≤ ${FLAT_MEGABYTES}`,
        met: ours.growth <= FLAT_MEGABYTES,
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Our side: the process that a batch prediction runs, from its start to its end, the loading of the model included. */
async function predictBatch(
  folder: string,
  rows: number,
): Promise<{ seconds: number; megabytes: number; growth: number }> {
  const onnx = readFileSync(join(folder, 'forest.onnx'))
  const hex = createHash('sha256').update(onnx).digest('hex')
  mkdirSync(join(folder, 'blobs', hex.slice(0, 2)), { recursive: true })
  writeFileSync(join(folder, 'blobs', hex.slice(0, 2), hex), onnx)
  const names = JSON.parse(readFileSync(join(folder, 'columns.json'), 'utf8')) as string[]
  const job = {
    variant: {
      version: 'forest/1',
      runtime: {
        kind: 'onnx',
        model: `sha256:${hex}`,
        inputs: names.map((column) => ({ column, tensor: 'x', type: 'float32' })),
        output: 'label',
      },
    },
    columns: names.map((name) => ({ name, type: 'double', required: true })),
    input: { kind: 'columns' },
    file: join(folder, 'rows.parquet'),
    format: 'parquet',
    key: [],
    chunks: join(folder, 'chunks'),
    blobs: join(folder, 'blobs'),
    work: join(folder, 'work'),
  }
  writeFileSync(join(folder, 'job.json'), JSON.stringify(job))
  const start = performance.now()
  const child = spawn(process.execPath, [...process.execArgv, PROGRAM, join(folder, 'job.json')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let [early, peak, last] = [0, 0, 0]
  child.stdout.setEncoding('utf8').on('data', (lines: string) => {
    const done = Number(/.*"rowsDone":(\d+)/s.exec(lines)?.[1] ?? 0)
    last = residentMegabytes(child.pid ?? 0) || last
    peak = Math.max(peak, last)
    if (done <= Math.max(rows / 5, 50_000)) early = Math.max(early, last)
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`The batch program ended with ${code}.`)
  return { seconds: (performance.now() - start) / 1000, megabytes: peak, growth: Math.max(0, last - early) }
}

function residentMegabytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

async function run(python: string, args: readonly string[]): Promise<string> {
  const child = spawn(python, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: '1' },
  })
  const [said, code] = await Promise.all([
    text(child.stdout),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ])
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}.`)
  return said
}

/** Rows whose answers differ, or that one side lacks. */
async function compare(folder: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(`
    select count(*)::double as n from read_parquet('${folder}/chunks/*.parquet') o full join read_parquet('${folder}/peer.parquet') p using (row)
    where o.prediction is distinct from p.prediction`)
  const differing = Number(reader.getRowObjectsJson()[0]?.n ?? Number.NaN)
  connection.closeSync()
  instance.closeSync()
  return differing
}
