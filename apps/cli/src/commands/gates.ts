import { parseArgs } from 'node:util'
import { type Evaluation, type Gate, parseModelVersionRef } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const POLL_MILLISECONDS = 300

const command: Command = {
  help: `usage: tidemark gates run MODEL/VERSION --endpoint NAME
       tidemark gates show MODEL/VERSION [--endpoint NAME]
       tidemark gates waive MODEL/VERSION --endpoint NAME --gates A,B --reason TEXT
       tidemark gates list

Runs a version's gates against the champion of an endpoint, shows what they said, or waives those that failed. A waiver is
recorded with its reason and lets the version into a rollout.

  --endpoint NAME  the endpoint that it is to serve
  --gates A,B      every gate that stands in the way, as "show" names them
  --reason TEXT    why it may be rolled out all the same
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        ...URL_OPTION,
        endpoint: { type: 'string' },
        gates: { type: 'string' },
        reason: { type: 'string' },
      },
      allowPositionals: true,
    })
    const [verb, ref] = positionals
    const { client } = connect(values.url)
    switch (verb) {
      case 'run': {
        const body = { ...versionOf(ref), endpoint: needed(values.endpoint, '--endpoint') }
        let evaluation = await client.evaluation.startEvaluation({ body })
        while (evaluation.finishedAt === null) {
          await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS))
          evaluation = await client.evaluation.getEvaluation({ params: { id: evaluation.id } })
        }
        console.log(verdicts(evaluation))
        return evaluation.state === 'passed' ? 0 : 1
      }
      case 'show': {
        const question = { ...versionOf(ref), ...(values.endpoint ? { endpoint: values.endpoint } : {}) }
        const { evaluations } = await client.evaluation.listEvaluations({ query: question })
        console.log(evaluations.map(verdicts).join('\n\n') || `${ref} was never evaluated.`)
        return 0
      }
      case 'waive': {
        const gates = needed(values.gates, '--gates').split(',') as Gate['name'][]
        const waiver = await client.governance.recordWaiver({
          body: {
            ...versionOf(ref),
            endpoint: needed(values.endpoint, '--endpoint'),
            gates,
            reason: needed(values.reason, '--reason'),
          },
        })
        console.log(`Waiver ${waiver.id} recorded: ${waiver.gates.join(', ')} for ${ref} on ${waiver.endpoint}.`)
        return 0
      }
      case 'list': {
        const { evaluations } = await client.evaluation.listEvaluations({ query: {} })
        const rows = evaluations.map((each) => [
          `${each.model}/${each.version}`,
          each.endpoint,
          each.state,
          each.champion === null ? 'none' : String(each.champion),
          each.startedAt.slice(0, 19),
          each.id,
        ])
        console.log(table([['VERSION', 'ENDPOINT', 'STATE', 'CHAMPION', 'STARTED', 'EVALUATION'], ...rows]))
        return 0
      }
      default:
        throw cliError('USAGE', 'Say "run", "show", "waive" or "list".', 'gates')
    }
  },
}
export default command

function verdicts(evaluation: Evaluation): string {
  const { model, version, endpoint, state, gates, runtime, problem, champion } = evaluation
  const against = champion === null ? '' : ` against version ${champion}`
  return [
    `${model}/${version} for ${endpoint}${against}: ${state.replace('_', ' ')}`,
    ...(problem ? [`  ${problem}`] : []),
    ...(runtime ? [`  ${runtime.sentence}`] : []),
    ...gates.flatMap((gate) => [
      `  ${mark(gate.verdict)} ${gate.name.replace('_', ' ')}: ${gate.sentence}`,
      ...gate.parts.map((part) => `      ${mark(part.verdict)} ${part.sentence}`),
    ]),
  ].join('\n')
}

function mark(verdict: Gate['verdict']): string {
  switch (verdict) {
    case 'passed':
      return '✓'
    case 'failed':
      return '✗'
    case 'not_judged':
      return '–'
  }
}

function versionOf(ref: string | undefined): { model: string; version: number } {
  try {
    return parseModelVersionRef(ref ?? '')
  } catch {
    throw cliError('USAGE', 'Name a model version, as in films/3.', 'gates')
  }
}

function needed(value: string | undefined, flag: string): string {
  if (value === undefined) throw cliError('USAGE', `${flag} is missing.`, 'gates')
  return value
}
