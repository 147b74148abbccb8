import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type InputColumn, type Runtime, TidemarkError } from '@tidemark/contracts'
import type { InputMap, ParityRow, WorkerPool } from '@tidemark/workers'
import { type Conversion, decideRuntime } from './decide.ts'
import { checkParity } from './parity.ts'

/** Fewer rows say too little about a conversion. */
const FEWEST_ROWS = 5

/** A version on disk, with rows to compare the runtimes on. */
export interface ConvertibleVersion {
  readonly modelDir: string
  /** Rows of raw inputs; null: none are known, so nothing can be compared. */
  readonly sampleFile: string | null
  readonly columns: readonly InputColumn[]
  /** A folder for the results. */
  readonly outDir: string
}

/** Converts a version and compares it with itself in Python. @returns the verdict and, when it may run as ONNX, the model's file and its inputs. */
export async function convertVersion(pool: WorkerPool, version: ConvertibleVersion) {
  const { conversion, map } = await tryConversion(pool, version)
  const verdict = decideRuntime(conversion)
  const onnx = verdict.kind === 'onnx' && map ? { file: join(version.outDir, 'model.onnx'), map } : null
  return { verdict, onnx }
}

/** The inputs of a converted model as the gateway needs them. */
export function onnxInputs(map: InputMap): Extract<Runtime, { kind: 'onnx' }>['inputs'] {
  return map.inputs.map(({ column, tensor, type }) => ({ column, tensor, type }))
}

async function tryConversion(
  pool: WorkerPool,
  version: ConvertibleVersion,
): Promise<{ conversion: Conversion; map: InputMap | null }> {
  const { modelDir, sampleFile, outDir, columns } = version
  if (sampleFile === null) {
    const reason = 'there are no rows to compare the runtimes on'
    return { conversion: { kind: 'not_converted', reason }, map: null }
  }
  try {
    await pool.run({ kind: 'convert', modelDir, sampleFile, outDir })
  } catch (error) {
    if (!isOfTheModel(error)) throw error
    return { conversion: { kind: 'not_converted', reason: firstLine(error) }, map: null }
  }
  const map = JSON.parse(await readFile(join(outDir, 'input-map.json'), 'utf8')) as InputMap
  const lines = (await readFile(join(outDir, 'parity.ndjson'), 'utf8')).split('\n').filter((line) => line !== '')
  const rows = lines.map((line) => JSON.parse(line) as ParityRow)
  const comparable = rows.flatMap((row) =>
    'prediction' in row && typeof row.prediction === 'number' ? [{ ...row, expected: row.prediction }] : [],
  )
  if (comparable.length < FEWEST_ROWS) {
    const reason = `Python gave a number for ${comparable.length} of ${rows.length} rows only`
    return { conversion: { kind: 'not_comparable', reason, parityRows: comparable.length }, map }
  }
  const names = columns.map((column) => column.name)
  const verdict = await checkParity({
    modelFile: join(outDir, 'model.onnx'),
    inputs: map.inputs,
    output: map.output,
    columns: names,
    rows: comparable.map(({ row }) => names.map((name) => row[name] ?? null)),
    expected: comparable.map((row) => row.expected),
    tolerance: map.tolerance,
  })
  const kinds = comparable.map((row) => row.kind)
  return {
    conversion: { kind: 'compared', verdict, tolerance: map.tolerance, parityRows: comparable.length, kinds },
    map,
  }
}

/** Errors that say something about the model. Others (no environment, a dead worker) are tried again. */
function isOfTheModel(error: unknown): boolean {
  const code = error instanceof TidemarkError ? error.code : (error as { code?: unknown } | null)?.code
  return code === 'TASK_FAILED' || code === 'TASK_TIMED_OUT' || code === 'TASK_KILLED'
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return (message.split('\n')[0] ?? message).slice(0, 300)
}
