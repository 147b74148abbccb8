import { extname } from 'node:path'
import { parseArgs } from 'node:util'
import { LabelInput } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { type Connection, connect, fileBody, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark labels put ENDPOINT FILE.ndjson|FILE.csv
       tidemark labels put ENDPOINT --entity KEY --value VALUE [--known-at TIME]
       tidemark labels put ENDPOINT --prediction ID --value VALUE [--known-at TIME]
       tidemark labels show ENDPOINT KEY

Gives true values, numbers or classes, late, twice or corrected. A file of any length has one JSON object a line, or is CSV
with the columns entity (or prediction and row), value, knownAt; a wrong line refuses all of it:
  {"entity": "Alien (1979-05-25)", "value": 8.5, "knownAt": "1979-06-24T00:00:00Z"}
  {"prediction": "019f…", "row": 0, "value": 8.5}

${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        ...URL_OPTION,
        entity: { type: 'string' },
        prediction: { type: 'string' },
        value: { type: 'string' },
        'known-at': { type: 'string' },
      },
      allowPositionals: true,
    })
    const [verb, endpoint, last] = positionals
    if (endpoint === undefined) throw cliError('USAGE', 'The endpoint is missing.', 'labels')
    const { client, raw } = connect(values.url)
    switch (verb) {
      case 'put': {
        const total = last === undefined ? await sendOne(client, endpoint, values) : await sendFile(last, endpoint, raw)
        console.log(
          `${total.accepted} labels joined, ${total.corrected} corrections kept, ${total.repeated} known before, ${total.unknownCount} of unknown predictions`,
        )
        for (const id of total.unknown.slice(0, 20)) console.log(`  unknown: ${id}`)
        return total.unknownCount === 0 ? 0 : 1
      }
      case 'show': {
        if (last === undefined) throw cliError('USAGE', 'The key of the thing is missing.', 'labels')
        const { values: history } = await client.monitoring.getLabel({ params: { endpoint, entity: last } })
        if (history.length === 0) console.log(`No label for "${last}" yet.`)
        else {
          const rows = history.map((each) => [
            String(each.value),
            each.knownAt.slice(0, 19),
            each.recordedAt.slice(0, 19),
            each.by,
          ])
          console.log(table([['VALUE', 'KNOWN AT', 'RECORDED', 'BY'], ...rows]))
        }
        return 0
      }
      default:
        throw cliError('USAGE', 'Say "put" or "show".', 'labels')
    }
  },
}
export default command

type Flags = { [K in 'entity' | 'prediction' | 'value' | 'known-at']?: string | undefined }

interface Total {
  readonly accepted: number
  readonly corrected: number
  readonly repeated: number
  readonly unknown: readonly string[]
  readonly unknownCount: number
}

async function sendOne(client: Connection['client'], endpoint: string, flags: Flags): Promise<Total> {
  const { entity, prediction, value } = flags
  // A text that reads as a number is one; anything else is a class. Undefined flags fall out on the way through JSON.
  const given = {
    entity,
    prediction,
    value: value !== undefined && /^[-+\d.]/.test(value) && !Number.isNaN(Number(value)) ? Number(value) : value,
    knownAt: flags['known-at'],
  }
  const parsed = LabelInput.safeParse(JSON.parse(JSON.stringify(given)))
  if (!parsed.success) throw cliError('USAGE', 'Give a file, or --value with --entity or --prediction.', 'labels')
  const reply = await client.monitoring.putLabels({ params: { endpoint }, body: { labels: [parsed.data] } })
  return { ...reply, unknownCount: reply.unknown.length }
}

async function sendFile(file: string, endpoint: string, raw: Connection['raw']): Promise<Total> {
  const type = extname(file).toLowerCase() === '.csv' ? 'text/csv' : 'application/x-ndjson'
  const path = `/api/v1/endpoints/${encodeURIComponent(endpoint)}/labels/file`
  const reply = await raw(path, { method: 'POST', headers: { 'content-type': type }, body: await fileBody(file) })
  return (await reply.json()) as Total
}
