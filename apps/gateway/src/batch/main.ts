import { readFile } from 'node:fs/promises'
import { type JsonValue, LimitsPolicy } from '@tidemark/contracts'
import type { Model, Predictions } from '../runtimes/model.ts'
import { OnnxModel } from '../runtimes/onnx.ts'
import { readInput } from '../scoring/input.ts'
import { type AnswerKind, CHUNK_ROWS, ChunkWriter, chunksDone, kindMade, kindOf, PART_ROWS } from './chunks.ts'
import { BatchJob } from './job.ts'
import { openDuckDb, openModel } from './open.ts'
import { print, runProgram } from './program.ts'
import { cellsOf, type Part, Source } from './source.ts'

/** Of a request that has a part's rows. */
const LIMITS = LimitsPolicy.parse({ rows: PART_ROWS })

/**
 * Predicts every row of a file by the gateway's own code, in a process of its own: `main.ts JOB.json`. Prints its progress, a line a chunk; goes on
 * behind the chunks that are there. Ends with 0, or with 2 and the reason on standard error. Ends, too, when its standard input does: then the server
 * that asked is gone.
 */
async function main(file: string): Promise<void> {
  const job = BatchJob.parse(JSON.parse(await readFile(file, 'utf8')))
  const instance = await openDuckDb(job.work)
  const source = await Source.open(await instance.connect(), job)
  const missing = job.key.filter((column) => !source.has(column))
  if (missing.length > 0) throw new Error(`The input has no column "${missing.join('", "')}", which names its rows.`)
  const rows = await source.count()
  const { model, close } = await openModel(job)
  const names = namesOf(job, source)

  const predict = async (part: Part): Promise<readonly JsonValue[]> => {
    try {
      const { values, form } = await ask(model, job, names, part)
      if (form === 'whole' || values.length !== part.rows)
        throw new Error(`it gave ${values.length} answers for ${part.rows} rows.`)
      return values
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`Rows ${part.from} to ${part.from + part.rows - 1}: ${reason}`)
    }
  }

  let chunk = await chunksDone(job.chunks)
  let kind: AnswerKind | null = chunk === 0 ? null : await kindMade(await instance.connect(), job.chunks)
  let done = Math.min(rows, chunk * CHUNK_ROWS)
  print({ rows, rowsDone: done })
  const writing = await instance.connect()
  let writer: ChunkWriter | undefined
  for await (const { part, values } of answered(source.parts(names, job.key, done, PART_ROWS), predict)) {
    kind ??= kindOf(values)
    if (kind === 'number' && kindOf(values) !== kind)
      throw new Error(`Rows ${part.from} and after: the answers before were numbers, and here they are not.`)
    if (!writer) {
      writer = new ChunkWriter(writing, job.chunks, job.key, kind)
      await writer.begin()
    }
    await writer.add(part.from, part.keys, values)
    done += part.rows
    if (done % CHUNK_ROWS !== 0 && done !== rows) continue
    await writer.end(chunk)
    chunk += 1
    writer = undefined
    print({ rows, rowsDone: done })
  }
  await close()
}

interface Answered {
  readonly part: Part
  readonly values: readonly JsonValue[]
}

/** Each part with its answers, in their order. The model computes beside this thread: while it has one part the next is read, and never more than that. */
async function* answered(
  parts: AsyncIterable<Part>,
  predict: (part: Part) => Promise<readonly JsonValue[]>,
): AsyncGenerator<Answered> {
  let asked: Promise<Answered> | undefined
  for await (const part of parts) {
    const before = asked
    asked = predict(part).then((values) => ({ part, values }))
    // Its failure is told when its turn comes.
    asked.catch(() => {})
    if (before) yield await before
  }
  if (asked) yield await asked
}

/** As a request of the scoring protocol: the same checks, the same words. Numbers that pass them all go to the model as they lie. */
async function ask(model: Model, job: BatchJob, names: readonly string[], part: Part): Promise<Predictions> {
  const numbers = model instanceof OnnxModel && model.takesNumbers ? numbersOf(job, part) : null
  if (model instanceof OnnxModel && numbers) return model.predictNumbers(numbers, part.rows)
  const inputs = Object.fromEntries(
    names.flatMap((name) => {
      const column = part.columns.get(name)
      return column ? [[name, cellsOf(column)]] : []
    }),
  )
  return model.predict(readInput({ inputs }, { ...job, limits: LIMITS }).frame)
}

/** The columns of a part when all are numbers as the signature wants them; null when a check has something to say. */
function numbersOf({ columns, input }: BatchJob, part: Part): ReadonlyMap<string, Float64Array> | null {
  if (input.kind !== 'columns') return null
  const numbers = new Map<string, Float64Array>()
  for (const { name, type } of columns) {
    const column = part.columns.get(name)
    if (!(column instanceof Float64Array) || (type !== 'double' && type !== 'float')) return null
    for (let row = 0; row < column.length; row++)
      if (Math.abs(column[row] ?? 0) === Number.POSITIVE_INFINITY) return null
    numbers.set(name, column)
  }
  return numbers
}

/** Columns that the model is given: its own; all there are when it was logged without a signature. */
function namesOf({ input, columns }: BatchJob, source: Source): string[] {
  switch (input.kind) {
    case 'columns':
      return columns.map((column) => column.name)
    case 'tensors':
      return input.tensors.map((tensor) => tensor.name)
    case 'any':
      return source.names
  }
}

await runProgram(main)
