import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { JsonValue } from '@tidemark/contracts'
import { type Analytics, type AnalyticsSession, identifier, literal } from '../data/index.ts'
import { type SliceColumn, sliceColumns, sliceFacts } from './slicing.ts'
import type { Flip, ReplayFacts, ReplayTerms } from './types.ts'

/** Flips that are kept; how many there are is counted. */
export const MOST_FLIPS = 1000
const MOST_LABEL_PAIRS = 20
const QUANTILES = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1]

/** A row that was answered then, and asked again. */
const ASKED = `logged is not null and (missing is null or missing in ('failed', 'refused'))`

export interface Comparison {
  /** Rows of the log as its archive has them, in the order of prediction and row. */
  readonly input: string
  /** Files of the candidate's answers, row for row in the same order. */
  readonly chunks: readonly string[]
  /** For files on their way. */
  readonly folder: string
  readonly terms: ReplayTerms
  /** The labels that hold for these things. */
  readonly labels: (things: readonly string[]) => Promise<ReadonlyMap<string, number | string>>
}

/** Compares what was answered with what the candidate says, by files of whatever size: nothing here grows with them but files. */
export async function compare(
  analytics: Analytics,
  comparison: Comparison,
): Promise<{ facts: ReplayFacts; flips: Flip[] }> {
  const { input, chunks, folder, terms } = comparison
  return analytics.use(async (session) => {
    const rowsFile = join(folder, 'compared.parquet')
    const columns = await sliceColumns(session, input, terms)
    await session.run(`copy (${comparedSql(input, chunks, columns, terms)}) to ${literal(rowsFile)} (format parquet)`)
    await requireAligned(session, rowsFile)
    const rows = `read_parquet(${literal(rowsFile)})`
    await session.run(
      `create temp table first as select min(place) as place from ${rows} where ${ASKED} group by thing`,
    )
    await loadLabels(session, rows, comparison)
    const thingsFile = join(folder, 'things.parquet')
    const firstRows = judgedSql(terms, `(from ${rows} semi join first using (place))`)
    await session.run(`copy (${firstRows}) to ${literal(thingsFile)} (format parquet)`)
    const things = `read_parquet(${literal(thingsFile)})`
    const facts = {
      ...(await counts(session, rows)),
      things: await thingCounts(session, things),
      differences: await differences(session, rows),
      slices: await sliceFacts(session, things, columns),
      latency: await latency(session, rows),
      lift: await lift(session, things, terms),
    }
    const flips = await worst(session, judgedSql(terms, `(from ${rows} where flipped)`))
    return { facts, flips }
  })
}

/** What a list or record of one entry holds, as `[0.5]` of a network with one output; itself what is none. As `scalarOf` of the contracts has it. */
function scalarSql(json: string): string {
  const entry = (
    of: string,
  ) => `case left(${of}, 1) when '[' then case json_array_length(${of}) when 1 then json_extract(${of}, '$[0]')::varchar end
    when '{' then case len(json_keys(${of})) when 1 then json_extract(${of}, '$.*')[1]::varchar end else ${of} end`
  // One inside the other: what lies deeper stands for nothing.
  return `case when left(${json}, 1) in ('[', '{') then ${entry(`(${entry(json)})`)} else ${json} end`
}

/** Rows of both side by side, with whether the decision would be another. */
function comparedSql(
  input: string,
  chunks: readonly string[],
  columns: readonly SliceColumn[],
  { tolerance }: ReplayTerms,
): string {
  const slices = columns.map(({ source, target }) => `${source} as ${identifier(target)}`)
  const number = (json: string) => `case when left(${json}, 1) <> '"' then try_cast(${json} as double) end`
  const logged = `select prediction_id, "row", event_time, version, case when error is null then prediction_json end as prediction_json, error,
    coalesce(left(replace(entity, chr(0), chr(65533)), 500), 'prediction:' || prediction_id || ':' || "row") as thing,
    try_cast(json_extract_string(timings, '$.infer') as double) as logged_milliseconds${slices.map((each) => `, ${each}`).join('')}
    from read_parquet(${literal(input)})`
  const asked = `select prediction_id as asked_id, "row" as asked_row, answer, missing, problem, milliseconds
    from read_parquet([${chunks.map(literal).join(', ')}])`
  return `
    select *, row_number() over () as place,
      case when not coalesce(${ASKED}, false) then false when missing is not null then true
        when difference is not null then abs(difference) > ${tolerance} else answer <> logged end as flipped
    from (
      select * exclude (prediction_json), prediction_json as logged,
        ${number('answer_value')} - ${number('logged_value')} as difference
      from (select *, ${scalarSql('prediction_json')} as logged_value from (${logged})) l
        positional join (select *, ${scalarSql('answer')} as answer_value from (${asked})) a
    ) where missing is distinct from 'twice'`
}

/** @throws Error when a row stands beside another one's answer: that must never be reported as a difference */
async function requireAligned(session: AnalyticsSession, file: string): Promise<void> {
  const [row] = await session.rows<{ wrong: number }>(
    `select count(*)::double as wrong from read_parquet(${literal(file)})
     where asked_id is distinct from prediction_id or asked_row is distinct from "row"`,
  )
  if (row?.wrong !== 0) throw new Error(`${row?.wrong} answers do not belong to their rows.`)
}

/** Makes the table `label` of the things that have one. */
async function loadLabels(session: AnalyticsSession, rows: string, { folder, labels }: Comparison): Promise<void> {
  const file = join(folder, 'labels.ndjson')
  async function* lines(): AsyncGenerator<string> {
    for await (const part of session.column(`select thing from ${rows} semi join first using (place)`)) {
      for (const [thing, value] of await labels(part.map(String)))
        yield `${JSON.stringify({ thing, number: typeof value === 'number' ? value : null, text: typeof value === 'string' ? value : null })}\n`
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(file, { mode: 0o600 }))
  await session.run(`create temp table label as select * from read_json(${literal(file)}, format = 'newline_delimited',
    columns = {thing: 'VARCHAR', number: 'DOUBLE', text: 'VARCHAR'})`)
}

/** Rows with their label and the losses of both answers, where a label says what they are; true and false are the numbers 1 and 0. */
function judgedSql({ loss }: ReplayTerms, rows: string): string {
  const lossOf = (value: string) => {
    const gap = `case ${value} when 'true' then 1 when 'false' then 0 else try_cast(${value} as double) end - number`
    return `case when ${value} is null or left(${value}, 1) in ('[', '{') then null
      when number is not null and left(${value}, 1) <> '"' then ${loss === 'squared_error' ? `power(${gap}, 2)` : `abs(${gap})`}
      when text is not null and try_cast(${value} as double) is null then (json_extract_string(${value}, '$') <> text)::int::double end`
  }
  return `select r.*, number, text, ${lossOf('logged_value')} as logged_loss, ${lossOf('answer_value')} as candidate_loss
    from ${rows} r left join label using (thing)`
}

async function counts(session: AnalyticsSession, rows: string) {
  const n = (condition: string) => `count(*) filter (where ${condition})::double`
  const [row] = await session.rows<{
    requests: number
    rows: number
    from: number | null
    to: number | null
    asked: number
    equal: number
    failed: number
    refused: number
    problem: string | null
    mended: number
    flips: number
  }>(`
    select ${n('"row" = 0')} as requests, count(*)::double as rows, epoch_ms(min(event_time))::double as "from",
      epoch_ms(max(event_time))::double as "to", ${n(ASKED)} as asked, ${n(`${ASKED} and answer = logged`)} as equal,
      ${n(`logged is not null and missing = 'failed'`)} as failed, ${n(`logged is not null and missing = 'refused'`)} as refused,
      arg_min(problem, place) filter (where missing in ('failed', 'refused')) as problem,
      ${n('error is not null and answer is not null')} as mended, ${n('flipped')} as flips
    from ${rows}`)
  if (!row) throw new Error('The comparison has no rows.')
  const versions = await session.rows<{ version: string; n: number }>(
    `select version, count(*)::double as n from ${rows} where logged is not null group by version order by n desc, version`,
  )
  const skipped = await session.rows<{ reason: string; n: number; problem: string | null }>(`
    select missing as reason, count(*)::double as n, min(problem) as problem from ${rows}
    where missing in ('redacted', 'whole', 'erased') group by missing order by n desc, missing`)
  return { ...row, versions, skipped }
}

async function thingCounts(session: AnalyticsSession, things: string) {
  const [row] = await session.rows<{ all: number; flipped: number }>(
    `select count(*)::double as "all", count(*) filter (where flipped)::double as flipped from ${things}`,
  )
  return row ?? { all: 0, flipped: 0 }
}

async function differences(session: AnalyticsSession, rows: string): Promise<ReplayFacts['differences']> {
  const [numbers] = await session.rows<{ n: number; mean: number; quantiles: number[] }>(`
    select count(*)::double as n, avg(difference) as mean, quantile_cont(difference, [${QUANTILES.join(', ')}]) as quantiles
    from ${rows} where ${ASKED} and difference is not null`)
  const labels = await session.rows<{ logged: string; candidate: string; rows: number }>(`
    select logged, answer as candidate, count(*)::double as rows from ${rows}
    where ${ASKED} and missing is null and difference is null and answer <> logged
    group by logged, answer order by rows desc, logged, answer limit ${MOST_LABEL_PAIRS}`)
  const some = numbers && numbers.n > 0 ? numbers : null
  return {
    numbers: some && {
      rows: some.n,
      mean: some.mean,
      quantiles: QUANTILES.map((quantile, place) => ({ quantile, value: some.quantiles[place] ?? 0 })),
    },
    labels,
  }
}

async function latency(session: AnalyticsSession, rows: string): Promise<ReplayFacts['latency']> {
  const quantiles = (column: string) =>
    [50, 90, 95, 99].map((p) => `quantile_cont(${column}, ${p / 100}) as p${p}_${column}`).join(', ')
  const [row] = await session.rows<Record<string, number>>(`
    select count(*)::double as requests, ${quantiles('milliseconds')}, ${quantiles('logged_milliseconds')}
    from ${rows} where milliseconds is not null and logged_milliseconds is not null`)
  if (!row?.requests) return null
  const of = (column: string) => ({
    p50: row[`p50_${column}`] ?? 0,
    p90: row[`p90_${column}`] ?? 0,
    p95: row[`p95_${column}`] ?? 0,
    p99: row[`p99_${column}`] ?? 0,
  })
  return { requests: row.requests, logged: of('logged_milliseconds'), candidate: of('milliseconds') }
}

async function lift(session: AnalyticsSession, things: string, { loss }: ReplayTerms): Promise<ReplayFacts['lift']> {
  const kinds = await session.rows<{
    numbers: boolean
    things: number
    logged: number
    candidate: number
    mean: number
    error: number
  }>(`
    select number is not null as numbers, count(*)::double as things, avg(logged_loss) as logged, avg(candidate_loss) as candidate,
      avg(logged_loss - candidate_loss) as mean, stddev_samp(logged_loss - candidate_loss) / sqrt(count(*)) as error
    from ${things} where logged_loss is not null and candidate_loss is not null group by 1 having count(*) > 1 order by things desc`)
  const [most] = kinds
  return most ? { ...most, loss: most.numbers ? loss : 'wrong_label' } : null
}

async function worst(session: AnalyticsSession, judged: string): Promise<Flip[]> {
  const found = await session.rows<{
    prediction: string
    row: number
    eventTime: number
    version: string
    logged: string
    candidate: string | null
    problem: string | null
    difference: number | null
    number: number | null
    text: string | null
    lossIncrease: number | null
  }>(`
    select prediction_id as prediction, "row"::double as "row", epoch_ms(event_time)::double as "eventTime", version, logged, answer as candidate,
      problem, difference, number, text, candidate_loss - logged_loss as "lossIncrease"
    from (${judged})
    order by missing is not null desc, abs(coalesce(difference, 0)) desc, coalesce(candidate_loss - logged_loss, 0) desc, prediction_id, "row"
    limit ${MOST_FLIPS}`)
  return found.map(({ number, text, logged, candidate, eventTime, ...flip }, place) => ({
    ...flip,
    rank: place + 1,
    eventTime: new Date(eventTime),
    logged: JSON.parse(logged) as JsonValue,
    candidate: candidate === null ? null : (JSON.parse(candidate) as JsonValue),
    label: number ?? text,
  }))
}
