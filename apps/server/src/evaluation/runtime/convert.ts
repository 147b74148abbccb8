import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Runtime, type RuntimeVerdict, TidemarkError } from '@tidemark/contracts'
import type { InputMap, ParityRow, WorkerPool } from '@tidemark/workers'
import { type ComparedRow, type Conversion, decideRuntime } from './decide.ts'
import { checkParity } from './parity.ts'

/** Fewer rows that Python answers say too little about a conversion. */
const FEWEST_ROWS = 20
/** Conversions take tens of megabytes; one that takes this is stuck. */
const MEMORY_BYTES = 4 * 1024 ** 3

/** A version on disk, with rows to compare the runtimes on. */
export interface ConvertibleVersion {
  readonly modelDir: string
  /** Of the list of its files. */
  readonly digest: string | null
  /** Rows of raw inputs beside the model's own input example; null: none are known. */
  readonly sampleFile: string | null
  /** Names of the columns or tensors of its signature; empty without one. */
  readonly inputs: readonly string[]
  /** A folder for the results. */
  readonly outDir: string
}

type OnnxRuntime = Extract<Runtime, { kind: 'onnx' }>

/** Converts a version and compares it with itself in Python. @returns the verdict and, when it may run as ONNX, the model's file and how it is fed. */
export async function convertVersion(
  pool: WorkerPool,
  version: ConvertibleVersion,
): Promise<{ verdict: RuntimeVerdict; onnx: { file: string; runtime: Omit<OnnxRuntime, 'kind' | 'model'> } | null }> {
  const { conversion, map } = await tryConversion(pool, version)
  const verdict = decideRuntime(conversion, version.digest)
  if (verdict.kind !== 'onnx' || !map) return { verdict, onnx: null }
  const { output, shape, kind, tolerance, scores } = map
  const runtime = { ...fedAndRead(map), output, shape, check: { kind, tolerance, scores } }
  return { verdict, onnx: { file: join(version.outDir, 'model.onnx'), runtime } }
}

/** How a runtime is fed and read, as contracts have it: what is not there is left out. */
function fedAndRead({ inputs, names }: InputMap): Pick<OnnxRuntime, 'inputs' | 'names'> {
  return {
    inputs: inputs.map(({ column, tensor, type, missing, shape, gap }) => ({
      column,
      tensor,
      type,
      missing,
      ...(shape ? { shape: [...shape] } : {}),
      ...(gap ? { gap } : {}),
    })),
    ...(names ? { names: [...names] } : {}),
  }
}

async function tryConversion(
  pool: WorkerPool,
  version: ConvertibleVersion,
): Promise<{ conversion: Conversion; map: InputMap | null }> {
  const { modelDir, sampleFile, outDir, inputs: names } = version
  if (names.length === 0) {
    const reason = 'it was logged without a signature'
    return { conversion: { kind: 'not_converted', reason }, map: null }
  }
  try {
    await pool.run({ kind: 'convert', modelDir, sampleFile, outDir, limits: { memoryBytes: MEMORY_BYTES } })
  } catch (error) {
    if (!isOfTheModel(error)) throw error
    return { conversion: { kind: 'not_converted', reason: firstLine(error) }, map: null }
  }
  const map = JSON.parse(await readFile(join(outDir, 'input-map.json'), 'utf8')) as InputMap
  const lines = (await readFile(join(outDir, 'parity.ndjson'), 'utf8')).split('\n').filter((line) => line !== '')
  const found = lines.map((line) => JSON.parse(line) as ParityRow)
  const answered = found.filter((row) => 'prediction' in row).length
  if (answered < FEWEST_ROWS) {
    const reason = `Python answers ${answered} of ${found.length} rows only`
    return { conversion: { kind: 'not_comparable', reason, parityRows: answered }, map }
  }
  const modelFile = join(outDir, 'model.onnx')
  const { output, shape, kind, tolerance, scores } = map
  const verdict = await checkParity({
    modelFile,
    inputs: map.inputs,
    names: map.names ?? undefined,
    output,
    shape,
    kind,
    tolerance,
    scores,
    columns: names,
    rows: found.map(({ row }) => names.map((name) => row[name] ?? null)),
    requests: found.map(({ request }) => request),
    expected: found.map((row) =>
      'error' in row ? { error: row.error } : { value: row.prediction, scores: row.scores ?? null },
    ),
  })
  const rows: ComparedRow[] = found.map((compared) => ({
    kind: compared.kind,
    row: compared.row,
    expected: 'prediction' in compared ? compared.prediction : null,
  }))
  const onnxDigest = `sha256:${hash('sha256', await readFile(modelFile), 'hex')}`
  return { conversion: { kind: 'compared', verdict, compared: kind, tolerance, rows, onnxDigest }, map }
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
