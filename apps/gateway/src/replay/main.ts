import { readFile } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { CHUNK_ROWS, chunkPath, chunksDone, PART_ROWS, sealChunk } from '../batch/chunks.ts'
import { openDuckDb, openModel } from '../batch/open.ts'
import { print, runProgram } from '../batch/program.ts'
import { Source } from '../batch/source.ts'
import { Asking } from './asking.ts'
import { ReplayJob, type RowAnswer } from './job.ts'
import { type LoggedRequest, requestsOf } from './requests.ts'

/** Requests of a part that are asked alone, so that their time is known. */
const TIMED = 20
/** Asked first, and not counted: a model's first answers are slower. */
const WARM_UP = 5
/** Requests under way at the same time; a version in Python shares its calls among them as it does in a gateway. */
const TOGETHER = 128

/**
 * Asks a version each request of a file of the prediction log again, by the gateway's own code, in a process of its own: `main.ts JOB.json`. Prints its
 * progress, a line a chunk; goes on behind the chunks that are there. Ends with 0, or with 2 and the reason on standard error. Ends, too, when its
 * standard input does: then the server that asked is gone.
 */
async function main(file: string): Promise<void> {
  const job = ReplayJob.parse(JSON.parse(await readFile(file, 'utf8')))
  const instance = await openDuckDb(job.work)
  const source = await Source.open(await instance.connect(), { file: job.file, format: 'parquet' })
  const rows = await source.count()
  const { model, close } = await openModel(job)
  const asking = new Asking(model, job)
  const writing = await instance.connect()

  let chunk = await chunksDone(job.chunks)
  let done = chunk === 0 ? 0 : await rowsIn(writing, job.chunks, chunk)
  let open = 0
  print({ rows, rowsDone: done })
  let warm = false
  for await (const part of partsOf(requestsOf(source, job.columns, done, PART_ROWS))) {
    if (!warm) for (const request of part.slice(0, WARM_UP)) await asking.ask(request, false)
    warm = true
    if (open === 0) await begin(writing)
    const answers = await askAll(asking, part)
    await add(writing, answers)
    open += answers.length
    if (open < CHUNK_ROWS && done + open < rows) continue
    await sealChunk(writing, job.chunks, chunk)
    chunk += 1
    done += open
    open = 0
    print({ rows, rowsDone: done })
  }
  await close()
}

/** Requests in parts of at least so many rows as a batch asks at a time. */
async function* partsOf(requests: AsyncGenerator<LoggedRequest>): AsyncGenerator<LoggedRequest[]> {
  let part: LoggedRequest[] = []
  let rows = 0
  for await (const request of requests) {
    part.push(request)
    rows += request.rows.length
    if (rows < PART_ROWS) continue
    yield part
    part = []
    rows = 0
  }
  if (part.length > 0) yield part
}

/** Answers of a part in its order: a few requests alone, evenly spread over it, then the others together. */
async function askAll(asking: Asking, part: readonly LoggedRequest[]): Promise<RowAnswer[]> {
  const answers = new Array<RowAnswer[]>(part.length)
  const step = Math.max(1, Math.floor(part.length / TIMED))
  const rest: number[] = []
  for (const [place, request] of part.entries()) {
    if (place % step === 0 && place / step < TIMED) answers[place] = await asking.ask(request, true)
    else rest.push(place)
  }
  const places = rest.values()
  await Promise.all(
    Array.from({ length: TOGETHER }, async () => {
      for (const place of places) answers[place] = await asking.ask(part[place] as LoggedRequest, false)
    }),
  )
  return answers.flat()
}

async function begin(connection: DuckDBConnection): Promise<void> {
  await connection.run(`create or replace temp table chunk
    (prediction_id varchar, row integer, answer varchar, missing varchar, problem varchar, milliseconds double)`)
}

async function add(connection: DuckDBConnection, answers: readonly RowAnswer[]): Promise<void> {
  const appender = await connection.createAppender('chunk', 'main', 'temp')
  const text = (value: string | null) => (value === null ? appender.appendNull() : appender.appendVarchar(value))
  for (const { id, row, answer, missing, problem, milliseconds } of answers) {
    appender.appendVarchar(id)
    appender.appendInteger(row)
    text(answer)
    text(missing)
    text(problem)
    if (milliseconds === null) appender.appendNull()
    else appender.appendDouble(milliseconds)
    appender.endRow()
  }
  appender.closeSync()
}

/** Rows of the chunks that are there: each ends with the last row of a request. */
async function rowsIn(connection: DuckDBConnection, folder: string, chunks: number): Promise<number> {
  const files = Array.from({ length: chunks }, (_, chunk) => chunkPath(folder, chunk))
  const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ')
  const counted = await connection.runAndReadAll(`select count(*)::double as n from read_parquet([${list}])`)
  return Number(counted.getRowObjectsJson()[0]?.n ?? 0)
}

await runProgram(main)
