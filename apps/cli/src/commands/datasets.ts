import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type BatchResult, DatasetDefinition } from '@tidemark/contracts'
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import type { Command } from '../command.ts'
import { connect, saveReply, URL_HELP, URL_OPTION } from '../connect.ts'
import { readRows } from '../datasets/rows.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const help = `usage: tidemark datasets define FILE
       tidemark datasets append NAME FILE [--source TEXT]
       tidemark datasets list
       tidemark datasets versions NAME
       tidemark datasets profile NAME [--version N]
       tidemark datasets quarantine NAME
       tidemark datasets download NAME --out FILE [--version N] [--format parquet|csv|ndjson]

Declares datasets (FILE is YAML or JSON, as examples/films/dataset.yaml) and appends rows (a JSON array, or a JSON object a line).
Rows that break a declared rule are quarantined, with the reason; rows that are there already are not stored again.

  --source TEXT  where the rows come from, for whoever asks later
${URL_HELP}`

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse(args)
  const [verb, first, second] = positionals
  const { client, raw } = connect(values.url)
  const version = values.version ?? 'latest'
  const dataset = () => required(first, 'the name of a dataset')
  switch (verb) {
    case 'define': {
      const defined = await client.data.defineDataset({ body: readDefinition(required(first, 'a file')) })
      console.log(`Dataset ${defined.name} declared: ${Object.keys(defined.definition.columns).length} columns.`)
      return 0
    }
    case 'append': {
      const file = required(second, 'a file of rows')
      const source = values.source ?? file
      for (const rows of batchesOf(readRows(file)))
        report(await client.data.appendRows({ params: { dataset: dataset() }, body: { rows, source } }))
      return 0
    }
    case 'list': {
      const { datasets } = await client.data.listDatasets()
      const rows = datasets.map(({ name, versions, latest, quarantinedRows }) => [
        name,
        String(versions),
        String(latest?.rows ?? 0),
        String(quarantinedRows),
      ])
      console.log(table([['NAME', 'VERSION', 'ROWS', 'QUARANTINED'], ...rows]))
      return 0
    }
    case 'versions': {
      const { versions } = await client.data.listVersions({ params: { dataset: dataset() }, query: {} })
      const rows = versions.map((each) => [
        String(each.version),
        String(each.rows),
        String(each.newRows),
        String(each.newBytes),
        each.digest.slice(0, 19),
        each.createdAt,
        each.source,
      ])
      console.log(table([['VERSION', 'ROWS', 'NEW', 'BYTES STORED', 'DIGEST', 'CREATED', 'SOURCE'], ...rows]))
      return 0
    }
    case 'profile': {
      const profile = await client.data.getProfile({ params: { dataset: dataset(), version } })
      const rows = profile.columns.map((column) => [
        column.column,
        column.type,
        String(column.missing),
        String(column.distinct),
        column.numeric
          ? `median ${column.numeric.quantiles.p50}, ${column.numeric.min} to ${column.numeric.max}`
          : (column.time?.from.slice(0, 10).concat(' to ', column.time.to.slice(0, 10)) ??
            column.top
              .slice(0, 3)
              .map(({ value, rows: count }) => `${value} (${count})`)
              .join(', ')),
      ])
      console.log(`${profile.rows} rows`)
      console.log(table([['COLUMN', 'TYPE', 'MISSING', 'DISTINCT', 'VALUES'], ...rows]))
      return 0
    }
    case 'quarantine': {
      const { summary, total } = await client.data.listQuarantine({
        params: { dataset: dataset() },
        query: { limit: 1 },
      })
      console.log(`${total} rows in quarantine`)
      for (const { rule, rows, reason } of summary) console.log(`${rows} by "${rule}": ${reason}`)
      return 0
    }
    case 'download': {
      const out = required(values.out, '--out FILE')
      const format = values.format ?? 'parquet'
      const path = `/api/v1/datasets/${encodeURIComponent(dataset())}/versions/${encodeURIComponent(version)}/download`
      await saveReply(await raw(`${path}?format=${encodeURIComponent(format)}`), out)
      return 0
    }
    default:
      throw cliError(
        'USAGE',
        `"${verb ?? ''}" is not among define, append, list, versions, profile, quarantine, download.`,
        'datasets',
      )
  }
}

function parse(args: string[]) {
  const text = { type: 'string' } as const
  const options = { ...URL_OPTION, source: text, version: text, out: text, format: text } as const
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw cliError('USAGE', error instanceof Error ? error.message : String(error), 'datasets')
  }
}

function required(value: string | undefined, what: string): string {
  if (value === undefined) throw cliError('USAGE', `This needs ${what}.`, 'datasets')
  return value
}

function readDefinition(file: string): DatasetDefinition {
  const parsed = DatasetDefinition.safeParse(parseYaml(readFileSync(file, 'utf8')))
  if (!parsed.success) throw cliError('WRONG_DEFINITION', file, z.prettifyError(parsed.error))
  return parsed.data
}

// The server takes bodies of 32 MB; rows of 5 kB leave room.
const ROWS_PER_BATCH = 5_000

function* batchesOf<T>(rows: readonly T[]): Generator<T[]> {
  for (let start = 0; start < rows.length; start += ROWS_PER_BATCH) yield rows.slice(start, start + ROWS_PER_BATCH)
}

function report(result: BatchResult): void {
  console.log(result.message)
  for (const { rule, rows, reason } of result.quarantine) console.log(`  ${rows} by "${rule}": ${reason}`)
}

export default { help, run } satisfies Command
