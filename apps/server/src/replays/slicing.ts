import { type AnalyticsSession, identifier, literal } from '../data/index.ts'
import type { ReplayTerms, SliceFacts } from './types.ts'

const INPUT = 'input.'
const JSON_INPUT = 'input_json.'
/** A column of texts with more values is none of categories. Of a column that was asked for, the most frequent ones. */
const MOST_VALUES = 50
/** A column of numbers with more values is sliced by its quartiles. */
const FEW_NUMBERS = 12

export interface SliceColumn {
  readonly name: string
  /** Where the log has its values, as SQL. */
  readonly source: string
  /** Its column in files of a comparison. */
  readonly target: string
  /** It was asked for, be it of categories or not. */
  readonly asked: boolean
  readonly numeric: boolean
}

/** Columns to slice by: those asked for, and those of texts and of true and false. Of what is hidden by policy none. */
export async function sliceColumns(
  session: AnalyticsSession,
  input: string,
  { slices, hidden }: ReplayTerms,
): Promise<SliceColumn[]> {
  const described = await session.rows<{ column_name: string; column_type: string }>(
    `describe select * from read_parquet(${literal(input)})`,
  )
  const types = new Map(described.map(({ column_name: name, column_type: type }) => [name, type]))
  const plain = [...types].filter(([name]) => name.startsWith(INPUT))
  const names = plain.map(([name]) => name.slice(INPUT.length))
  for (const name of types.keys())
    if (name.startsWith(JSON_INPUT) && !types.has(INPUT + name.slice(JSON_INPUT.length)))
      names.push(name.slice(JSON_INPUT.length))
  return names
    .filter((name) => !hidden.includes(name))
    .flatMap((name, place) => {
      const type = types.get(INPUT + name)
      const asked = slices.includes(name)
      if (!asked && type !== 'VARCHAR' && type !== 'BOOLEAN') return []
      const parts = [INPUT, JSON_INPUT]
        .filter((prefix) => types.has(prefix + name))
        .map((prefix) => `${identifier(prefix + name)}::varchar`)
      return [
        {
          name,
          source: `coalesce(${parts.join(', ')})`,
          target: `slice_${place}`,
          asked,
          numeric: type === 'DOUBLE' || type === 'BIGINT',
        },
      ]
    })
}

/** What the things of each slice did. */
export async function sliceFacts(
  session: AnalyticsSession,
  things: string,
  columns: readonly SliceColumn[],
): Promise<SliceFacts[]> {
  const facts: SliceFacts[] = []
  for (const column of columns) {
    const value = await valueSql(session, things, column)
    if (value === null) continue
    const found = await session.rows<Omit<SliceFacts, 'column'>>(`
      select ${value} as value, count(*)::double as things, count(*) filter (where flipped)::double as flipped,
        count(candidate_loss - logged_loss)::double as labelled, avg(candidate_loss - logged_loss) as increase,
        stddev_samp(candidate_loss - logged_loss) / sqrt(count(candidate_loss - logged_loss)) as error
      from ${things} group by 1 order by things desc, value limit ${MOST_VALUES}`)
    // One slice is no part of anything.
    if (found.length > 1) facts.push(...found.map((slice) => ({ column: column.name, ...slice })))
  }
  return facts
}

/** The slice of a thing as SQL; null for a column that is of no categories. */
async function valueSql(
  session: AnalyticsSession,
  things: string,
  { target, asked, numeric }: SliceColumn,
): Promise<string | null> {
  const name = identifier(target)
  const [row] = await session.rows<{ values: number; edges: number[] | null }>(`
    select approx_count_distinct(${name})::double as "values",
      quantile_cont(try_cast(${name} as double), [0.25, 0.5, 0.75])${numeric ? '' : ' filter (where false)'} as edges
    from ${things}`)
  const values = row?.values ?? 0
  if (!asked && values > MOST_VALUES) return null
  const [low, middle, high] = row?.edges ?? []
  if (!numeric || values <= FEW_NUMBERS || low === undefined || middle === undefined || high === undefined) return name
  const number = `try_cast(${name} as double)`
  const [a, b, c] = [low, middle, high].map((edge) => Number(edge.toPrecision(4)))
  return `case when ${number} is null then null when ${number} <= ${low} then '≤ ${a}' when ${number} <= ${middle} then '${a} – ${b}'
    when ${number} <= ${high} then '${b} – ${c}' else '> ${c}' end`
}
