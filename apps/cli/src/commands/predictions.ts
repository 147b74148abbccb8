import { parseArgs } from 'node:util'
import type { ErasureView, PredictionRow } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, saveReply, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark predictions list ENDPOINT [FILTERS] [--limit N] [--json]
       tidemark predictions export ENDPOINT --out FILE.parquet [FILTERS]
       tidemark predictions show ID
       tidemark predictions erase --entity KEY|--caller NAME --reason WHY [--endpoint ENDPOINT]
       tidemark predictions erasure ID

The prediction log: a line for each row that was predicted, newest first. "erase" removes what log, archive, labels and stored
evidence have of a subject, for good.

  --from TIME, --to TIME    event time, as 2001-05-25T00:00:00Z; "to" is not included
  --version N               only what this version answered
  --caller NAME, --entity KEY
  --outcome answered|failed
  --where CONDITION         as input.budget>=1000, input.genre=Drama, prediction<3; may be said several times
  --limit N                 how many lines [50]
  --json                    one JSON object a line
${URL_HELP}`,

  async run(args) {
    const text = { type: 'string' } as const
    const { values, positionals } = parseArgs({
      args,
      options: {
        ...URL_OPTION,
        from: text,
        to: text,
        version: text,
        caller: text,
        entity: text,
        outcome: text,
        where: { type: 'string', multiple: true },
        limit: text,
        json: { type: 'boolean' },
        out: text,
        reason: text,
        endpoint: text,
      },
      allowPositionals: true,
    })
    const [verb, named] = positionals
    const { client, raw } = connect(values.url)
    const needed = (value: string | undefined, what: string): string => {
      if (value === undefined) throw cliError('USAGE', `This needs ${what}.`, 'predictions')
      return value
    }
    const { from, to, version, caller, entity, where } = values
    const outcome = outcomeOf(values.outcome)
    const filter = { from, to, version, caller, entity, where, outcome }
    switch (verb) {
      case 'list': {
        const endpoint = needed(named, 'the endpoint')
        const wanted = Number(values.limit ?? 50)
        if (!Number.isInteger(wanted) || wanted < 1)
          throw cliError('USAGE', '--limit counts lines from 1.', 'predictions')
        const rows: PredictionRow[] = []
        for (let cursor: string | undefined; rows.length < wanted; ) {
          const limit = Math.min(1000, wanted - rows.length)
          const page = await client.monitoring.listPredictions({
            params: { endpoint },
            query: { ...filter, limit, cursor },
          })
          rows.push(...page.predictions)
          if (page.nextCursor === null) break
          cursor = page.nextCursor
        }
        if (values.json) for (const row of rows) console.log(JSON.stringify(row))
        else
          console.log(
            table([
              ['EVENT TIME', 'PREDICTION', 'ROW', 'VERSION', 'CALLER', 'ABOUT', 'ANSWER', 'LABEL', 'MS'],
              ...rows.map(lineOf),
            ]),
          )
        return 0
      }
      case 'export': {
        const out = needed(values.out, '--out FILE')
        const search = new URLSearchParams()
        for (const [name, value] of Object.entries(filter))
          for (const each of [value].flat()) if (each !== undefined) search.append(name, each)
        const path = `/api/v1/endpoints/${encodeURIComponent(needed(named, 'the endpoint'))}/predictions/export`
        await saveReply(await raw(`${path}?${search}`), out)
        return 0
      }
      case 'show':
        console.log(
          JSON.stringify(await client.monitoring.getPrediction({ params: { id: needed(named, 'the id') } }), null, 2),
        )
        return 0
      case 'erase': {
        const reason = needed(values.reason, '--reason WHY')
        const subject = { ...(entity === undefined ? {} : { entity }), ...(caller === undefined ? {} : { caller }) }
        const body = { ...subject, reason, ...(values.endpoint === undefined ? {} : { endpoint: values.endpoint }) }
        console.log(sentenceOf(await client.erasures.erase({ body })))
        return 0
      }
      case 'erasure':
        console.log(sentenceOf(await client.erasures.get({ params: { id: needed(named, 'the id') } })))
        return 0
      default:
        throw cliError('USAGE', 'Say "list", "export", "show", "erase" or "erasure".', 'predictions')
    }
  },
}
export default command

function outcomeOf(given: string | undefined): 'answered' | 'failed' | undefined {
  if (given === undefined || given === 'answered' || given === 'failed') return given
  throw cliError('USAGE', '--outcome is "answered" or "failed".', 'predictions')
}

function lineOf(row: PredictionRow): string[] {
  const { prediction, label } = row
  const answer =
    row.error !== null ? 'failed' : typeof prediction === 'string' ? prediction : JSON.stringify(prediction)
  return [
    row.eventTime.slice(0, 19),
    row.id,
    String(row.row),
    row.version,
    row.caller ?? '',
    row.entity ?? '',
    answer.slice(0, 30),
    label === null ? '' : String(label),
    String(row.milliseconds),
  ]
}

function sentenceOf({ id, state, kind, waitsForSegments, report }: ErasureView): string {
  const stored = Object.entries(report.stored).map(([what, rows]) => `${rows} ${what}`)
  const so = `${report.predictions} predictions with ${report.rows} rows${stored.length > 0 ? `, ${stored.join(', ')}` : ''}`
  return state === 'done'
    ? `Erasure ${id} of one ${kind} is done: ${so}.`
    : `Erasure ${id} of one ${kind} is under way: ${so} so far; ${waitsForSegments} parts of the log are still to come to the archive. Look again with \`tidemark predictions erasure ${id}\`.`
}
