import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { LabelInput } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

/** Labels sent in one request. */
const BATCH = 5000

const command: Command = {
  help: `usage: tidemark labels put ENDPOINT FILE.ndjson
       tidemark labels put ENDPOINT --entity KEY --value NUMBER [--known-at TIME]
       tidemark labels put ENDPOINT --prediction ID --value NUMBER [--known-at TIME]
       tidemark labels show ENDPOINT KEY

Gives true values, late, twice or corrected; a file has one JSON object a line:
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
    const { client } = connect(values.url)
    switch (verb) {
      case 'put': {
        const labels = last === undefined ? [labelOfFlags(values)] : labelsOfFile(last)
        const total = { accepted: 0, corrected: 0, repeated: 0, unknown: [] as string[] }
        for (let from = 0; from < labels.length; from += BATCH) {
          const body = { labels: labels.slice(from, from + BATCH) }
          const reply = await client.monitoring.putLabels({ params: { endpoint }, body })
          total.accepted += reply.accepted
          total.corrected += reply.corrected
          total.repeated += reply.repeated
          total.unknown.push(...reply.unknown)
        }
        console.log(
          `${total.accepted} labels joined, ${total.corrected} corrections kept, ${total.repeated} known before, ${total.unknown.length} of unknown predictions`,
        )
        for (const id of total.unknown.slice(0, 20)) console.log(`  unknown: ${id}`)
        return total.unknown.length === 0 ? 0 : 1
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

function labelOfFlags(flags: Flags): LabelInput {
  const { entity, prediction, value } = flags
  const knownAt = flags['known-at']
  return parseLabel(
    { entity, prediction, value: value === undefined ? undefined : Number(value), knownAt },
    'Give a file, or --value with --entity or --prediction',
  )
}

function labelsOfFile(file: string): LabelInput[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw cliError('FILE_UNREADABLE', file, (error as Error).message)
  }
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const where = `${file}, line ${index + 1}`
    try {
      return [parseLabel(JSON.parse(line), where)]
    } catch (error) {
      if (error instanceof SyntaxError) throw cliError('USAGE', `${where}: ${error.message}`, 'labels')
      throw error
    }
  })
}

function parseLabel(given: unknown, where: string): LabelInput {
  // Undefined flags fall out on the way through JSON.
  const parsed = LabelInput.safeParse(JSON.parse(JSON.stringify(given)))
  if (parsed.success) return parsed.data
  throw cliError('USAGE', `${where}: a label needs "value" (a number) and either "entity" or "prediction".`, 'labels')
}
