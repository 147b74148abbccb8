import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { CopyIn } from '../../apps/server/src/backup/copy.ts'
import type { Size } from './populate.ts'

const START = 1_700_000_000_000
const NAMED = ['mlflow.user', 'mlflow.runName']

/** The same numbers in [0, 1) in each run of the benchmark: a generator with a state of 32 bits (mulberry32). */
function chances(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Fills an experiment of a Tidemark by COPY from outside, table by table, as a restore or an import does. Names and values are like those of
 * `populateOurs`: metrics `m0`… of chance, parameters `p0`… with ten values each.
 */
export async function copyRuns(database: string, experiment: string, size: Size): Promise<void> {
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  try {
    const names = [
      ...Array.from({ length: size.metrics }, (_, j) => `m${j}`),
      ...Array.from({ length: size.parameters }, (_, j) => `p${j}`),
      ...NAMED,
    ]
    await client.query(
      "insert into run_key (workspace, key) select 'default', unnest($1::text[]) on conflict do nothing",
      [names],
    )
    const known = await client.query<{ key: string; no: number }>(
      "select key, no from run_key where workspace = 'default'",
    )
    const keys = new Map(known.rows.map(({ key, no }) => [key, no]))
    const { rows } = await client.query<{ last: string }>('select coalesce(max(no), 0) as last from run')
    const table = tables(Number(experiment), Number(rows[0]?.last ?? 0), keys, size)
    await client.query('begin')
    for (const [into, row] of Object.entries(table)) {
      await pipeline(Readable.from(pieces(size.runs, row)), new CopyIn(client, into))
    }
    await client.query("select setval(pg_get_serial_sequence('run', 'no'), (select max(no) from run))")
    await client.query('commit')
    await client.query('vacuum analyze')
  } finally {
    await client.end()
  }
}

/** What is copied into each table for the run number `i`, lines of text. */
function tables(
  experiment: number,
  last: number,
  keys: ReadonlyMap<string, number>,
  { metrics, parameters }: Size,
): Record<string, (i: number) => string> {
  const id = (i: number) => createHash('md5').update(`${experiment}/${i}`).digest('hex')
  const startMs = (i: number) => START + i * 1000
  const key = (name: string) => keys.get(name) ?? Number.NaN
  // The log must hold the values that the lists show: both are drawn from the same numbers.
  const valuesOf = (i: number) => {
    const chance = chances(experiment * 1_000_003 + i)
    return Array.from({ length: metrics }, chance)
  }
  return {
    'run (no, workspace, id, experiment, name, user_id, status, start_ms, end_ms, artifact_uri)': (i) =>
      `${last + i}\tdefault\t${id(i)}\t${experiment}\trun-${i}\tbench\tFINISHED\t${startMs(i)}\t${startMs(i) + 500}\tmlflow-artifacts:/${experiment}/${id(i)}/artifacts\n`,
    'latest_metric (run, experiment, key, at_ms, step, value)': (i) =>
      valuesOf(i)
        .map((value, j) => `${last + i}\t${experiment}\t${key(`m${j}`)}\t${startMs(i)}\t0\t${value}\n`)
        .join(''),
    'metric_log (run, points)': (i) => {
      const bytes = Buffer.alloc(1 + metrics * 28)
      for (const [j, value] of valuesOf(i).entries()) {
        bytes.writeInt32BE(key(`m${j}`), 1 + j * 28)
        bytes.writeBigInt64BE(BigInt(startMs(i)), 1 + j * 28 + 12)
        bytes.writeDoubleBE(value, 1 + j * 28 + 20)
      }
      return `${last + i}\t\\\\x${bytes.toString('hex')}\n`
    },
    'run_parameter (run, key, value)': (i) => {
      const chance = chances(-(experiment * 1_000_003 + i))
      return Array.from(
        { length: parameters },
        (_, j) => `${last + i}\t${key(`p${j}`)}\t${Math.floor(10 * chance())}\n`,
      ).join('')
    },
    'run_tag (run, key, value)': (i) =>
      `${last + i}\t${key('mlflow.user')}\tbench\n${last + i}\t${key('mlflow.runName')}\trun-${i}\n`,
  }
}

/** The lines of all runs, some hundreds at a time: a piece for each would cost more than the rows. */
function* pieces(runs: number, row: (i: number) => string): Generator<Buffer> {
  for (let from = 1; from <= runs; from += 500) {
    let text = ''
    for (let i = from; i < Math.min(from + 500, runs + 1); i++) text += row(i)
    yield Buffer.from(text)
  }
}
