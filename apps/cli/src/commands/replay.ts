import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { ReplayFlip, ReplayReport, ReplayView } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const POLL_MILLISECONDS = 500

const command: Command = {
  help: `usage: tidemark replay ENDPOINT --version N [--from TIME] [--to TIME] [--tolerance X] [--slice COLUMN …] [--flips N] [--no-wait]
       tidemark replay list [ENDPOINT]
       tidemark replay show ID [--flips N]
       tidemark replay cancel ID

Asks version N of the endpoint's model what the endpoint was asked, row for row, in a process of its own, and compares the answers
with those that were given and with the labels known since. Ends with 0, or with 3 when a decision would be another. A platform
that is killed meanwhile goes on where it was. Ctrl-C ends the waiting, not the work.

  --from, --to TIME  event time, ISO 8601; the whole log unless said
  --tolerance X      numbers that differ by no more are the same decision
  --slice COLUMN     slice by it too; columns of texts and of true and false are always sliced
  --flips N          show so many of the decisions that would be others, the worst first (10)
${URL_HELP}`,

  async run(args) {
    const text = { type: 'string' } as const
    const { values, positionals } = parseArgs({
      args,
      options: {
        ...URL_OPTION,
        version: text,
        from: text,
        to: text,
        tolerance: text,
        slice: { type: 'string', multiple: true },
        flips: text,
        'no-wait': { type: 'boolean' },
      },
      allowPositionals: true,
    })
    const [verb, named] = positionals
    const { client } = connect(values.url)
    const needed = (value: string | undefined, what: string): string => {
      if (value === undefined) throw cliError('USAGE', `This needs ${what}.`, 'replay')
      return value
    }
    const shown = async (view: ReplayView): Promise<number> => {
      console.log(sentenceOf(view))
      if (!view.report) return view.state === 'done' ? 0 : 1
      const limit = numberOf(values.flips ?? '10', '--flips')
      const flips = limit === 0 ? [] : (await client.replays.flips({ params: { id: view.id }, query: { limit } })).flips
      console.log(reportText(view.report, flips))
      return view.report.disagreement.rows === 0 ? 0 : 3
    }
    switch (verb) {
      case 'list': {
        const { replays } = await client.replays.list({ query: named === undefined ? {} : { endpoint: named } })
        const rows = replays.map((each) => [
          each.id,
          each.endpoint,
          `${each.model}/${each.version}`,
          each.state,
          each.report ? String(each.report.answers.rows) : '',
          each.report ? String(each.report.disagreement.rows) : '',
          each.requestedAt.slice(0, 19),
        ])
        console.log(table([['ID', 'ENDPOINT', 'VERSION', 'STATE', 'ROWS', 'FLIPS', 'REQUESTED'], ...rows]))
        return 0
      }
      case 'show':
        return shown(await client.replays.get({ params: { id: needed(named, 'the id') } }))
      case 'cancel':
        console.log(sentenceOf(await client.replays.cancel({ params: { id: needed(named, 'the id') } })))
        return 0
      default: {
        const endpoint = needed(verb, 'an endpoint')
        const version = numberOf(needed(values.version, '--version N'), '--version')
        const asked = await client.replays.start({
          params: { endpoint },
          body: {
            version,
            ...(values.from === undefined ? {} : { from: timeOf(values.from, '--from') }),
            ...(values.to === undefined ? {} : { to: timeOf(values.to, '--to') }),
            ...(values.tolerance === undefined ? {} : { tolerance: numberOf(values.tolerance, '--tolerance') }),
            ...(values.slice === undefined ? {} : { slices: values.slice }),
          },
        })
        if (values['no-wait']) {
          console.log(asked.id)
          return 0
        }
        let told = ''
        for (;;) {
          const view = await client.replays.get({ params: { id: asked.id } })
          if (view.finishedAt !== null) return shown(view)
          const line = sentenceOf(view)
          if (line !== told) console.log(line)
          told = line
          await sleep(POLL_MILLISECONDS)
        }
      }
    }
  },
}
export default command

function numberOf(text: string, option: string): number {
  const number = Number(text)
  if (text.trim() === '' || !(number >= 0)) throw cliError('USAGE', `${option} ${text} is not a number.`, 'replay')
  return number
}

function timeOf(text: string, option: string): string {
  const time = new Date(text)
  if (Number.isNaN(time.getTime()))
    throw cliError('USAGE', `${option} ${text} is not a time such as 2026-11-26 or 2026-11-26T12:00:00Z.`, 'replay')
  return time.toISOString()
}

function sentenceOf({ id, endpoint, model, version, state, problem, rows, rowsDone }: ReplayView): string {
  const what = `replay ${id} of ${endpoint} by ${model}/${version}`
  switch (state) {
    case 'failed':
      return `${what} failed: ${problem}`
    case 'running':
      return `${what}: ${rowsDone}${rows === null ? '' : ` of ${rows}`} rows`
    default:
      return `${what}: ${state}`
  }
}

const milliseconds = (value: number) => `${value.toPrecision(3)} ms`
const percent = (share: number) => `${(share * 100).toFixed(2)} %`

function reportText(report: ReplayReport, flips: readonly ReplayFlip[]): string {
  const { summary, answers, differences, latency, slices, disagreement } = report
  if (answers.rows === 0) return summary
  const lines = [summary, '']
  if (answers.problem !== null) lines.push(`its first failure: ${answers.problem}`)
  lines.push(
    `things decided otherwise: ${percent(disagreement.share)} (${percent(disagreement.lower)} to ${percent(disagreement.upper)})`,
  )
  if (differences.numbers) {
    const { mean, quantiles } = differences.numbers
    const at = quantiles.map(({ quantile, value }) => `${quantile * 100} %: ${Number(value.toPrecision(4))}`)
    lines.push(`difference of numbers: mean ${Number(mean.toPrecision(4))}; ${at.join(', ')}`)
  }
  for (const { logged, candidate, rows } of differences.labels)
    lines.push(`${logged} became ${candidate}: ${rows} rows`)
  if (latency)
    lines.push(
      `in the model: median ${milliseconds(latency.candidate.p50)} against ${milliseconds(latency.logged.p50)}, 99 % within ${milliseconds(latency.candidate.p99)} against ${milliseconds(latency.logged.p99)} (${latency.requests} requests)`,
    )
  if (slices.all.length > 0) lines.push('', 'slices, those apart first:')
  for (const { sentence } of slices.all.slice(0, 10)) lines.push(`  ${sentence}`)
  if (flips.length > 0)
    lines.push(
      '',
      table([
        ['PREDICTION', 'ROW', 'ANSWERED', 'WOULD BE', 'LABEL'],
        ...flips.map(({ prediction, row, logged, candidate, problem, label }) => [
          prediction,
          String(row),
          JSON.stringify(logged).slice(0, 40),
          (problem ?? JSON.stringify(candidate)).slice(0, 60),
          label === null ? '' : String(label),
        ]),
      ]),
    )
  return lines.join('\n')
}
