import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { BatchView } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { type Connection, connect, fileBody, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const POLL_MILLISECONDS = 500
const FORMATS: Readonly<Record<string, 'parquet' | 'csv' | 'ndjson'>> = {
  '.parquet': 'parquet',
  '.csv': 'csv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
}

const command: Command = {
  help: `usage: tidemark batch predict MODEL[@ALIAS|/VERSION] --data DATASET[@VERSION] --out DATASET [--no-wait]
       tidemark batch predict MODEL[@ALIAS|/VERSION] --file FILE --out DATASET [--no-wait]
       tidemark batch list
       tidemark batch show ID
       tidemark batch cancel ID

Predicts every row of a dataset version or of a file (.parquet, .csv, .ndjson) and makes the result a version of a dataset: the
input's key columns (of a file: its row numbers) with the prediction. Without ALIAS or VERSION the model's champion predicts.
A platform that is killed meanwhile goes on where it was. Ctrl-C ends the waiting, not the work.

${URL_HELP}`,

  async run(args) {
    const text = { type: 'string' } as const
    const { values, positionals } = parseArgs({
      args,
      options: { ...URL_OPTION, data: text, file: text, out: text, 'no-wait': { type: 'boolean' } },
      allowPositionals: true,
    })
    const [verb, named] = positionals
    const { client, raw } = connect(values.url)
    const needed = (value: string | undefined, what: string): string => {
      if (value === undefined) throw cliError('USAGE', `This needs ${what}.`, 'batch')
      return value
    }
    switch (verb) {
      case 'predict': {
        const out = needed(values.out, '--out DATASET')
        const model = modelOf(needed(named, 'a model'))
        if ((values.data === undefined) === (values.file === undefined))
          throw cliError('USAGE', 'Say --data DATASET or --file FILE, one of them.', 'batch')
        const data = values.data === undefined ? await sent(values.file ?? '', raw) : datasetOf(values.data)
        const asked = await client.batch.predict({ body: { ...model, data, out } })
        if (values['no-wait']) {
          console.log(asked.id)
          return 0
        }
        let told = ''
        for (;;) {
          const view = await client.batch.get({ params: { id: asked.id } })
          const line = sentenceOf(view)
          if (line !== told) console.log(line)
          told = line
          if (view.finishedAt !== null) return view.state === 'done' ? 0 : 1
          await sleep(POLL_MILLISECONDS)
        }
      }
      case 'list': {
        const { batches } = await client.batch.list({ query: {} })
        const rows = batches.map((each) => [
          each.id,
          `${each.model}/${each.version}`,
          each.input.slice(0, 30),
          each.outVersion === null ? each.out : `${each.out}@${each.outVersion}`,
          each.state,
          each.rows === null ? '' : `${each.rowsDone} of ${each.rows}`,
          each.requestedAt.slice(0, 19),
        ])
        console.log(table([['ID', 'MODEL', 'INPUT', 'OUT', 'STATE', 'ROWS', 'REQUESTED'], ...rows]))
        return 0
      }
      case 'show':
        console.log(sentenceOf(await client.batch.get({ params: { id: needed(named, 'the id') } })))
        return 0
      case 'cancel':
        console.log(sentenceOf(await client.batch.cancel({ params: { id: needed(named, 'the id') } })))
        return 0
      default:
        throw cliError('USAGE', 'Say "predict", "list", "show" or "cancel".', 'batch')
    }
  },
}
export default command

function modelOf(named: string): { model: string; version?: number; alias?: string } {
  const version = /^(.+)\/([1-9]\d*)$/.exec(named)
  if (version?.[1]) return { model: version[1], version: Number(version[2]) }
  const alias = /^([^@]+)@(.+)$/.exec(named)
  return alias?.[1] && alias[2] ? { model: alias[1], alias: alias[2] } : { model: named }
}

function datasetOf(named: string): { dataset: string; version?: number } {
  const match = /^([^@]+)(?:@([1-9]\d*))?$/.exec(named)
  if (!match?.[1]) throw cliError('USAGE', `--data ${named} is not DATASET or DATASET@VERSION.`, 'batch')
  return match[2] ? { dataset: match[1], version: Number(match[2]) } : { dataset: match[1] }
}

async function sent(file: string, raw: Connection['raw']) {
  const format = FORMATS[extname(file).toLowerCase()]
  if (!format) throw cliError('USAGE', `--file ${file} ends in none of ${Object.keys(FORMATS).join(', ')}.`, 'batch')
  const headers = { 'content-type': 'application/octet-stream' }
  const reply = await raw('/api/v1/batch-files', { method: 'POST', headers, body: await fileBody(file) })
  const { digest } = (await reply.json()) as { digest: string }
  return { file: digest, format }
}

function sentenceOf(view: BatchView): string {
  const { model, version, input, out, state, problem, rows, rowsDone, rowsPerSecond, secondsLeft, outVersion } = view
  const what = `${model}/${version} over ${input.slice(0, 30)}`
  switch (state) {
    case 'done':
      return `${what}: ${rowsDone} rows are version ${outVersion} of ${out}`
    case 'failed':
      return `${what} failed: ${problem}`
    case 'running':
      return `${what}: ${rowsDone}${rows === null ? '' : ` of ${rows}`} rows${rowsPerSecond === null ? '' : `, ${Math.round(rowsPerSecond)} a second`}${secondsLeft === null ? '' : `, about ${Math.ceil(secondsLeft)} s left`}`
    default:
      return `${what}: ${state}`
  }
}
