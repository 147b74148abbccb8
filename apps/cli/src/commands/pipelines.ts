import { parseArgs } from 'node:util'
import type { Parameter, PipelineRun } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { applyPipeline } from '../pipelines/apply.ts'
import { followRun } from '../pipelines/follow.ts'
import { table } from '../table.ts'

const help = `usage: tidemark pipelines apply FOLDER
       tidemark pipelines list
       tidemark pipelines run NAME [--set PARAMETER=VALUE …] [--follow]
       tidemark pipelines runs [NAME]
       tidemark pipelines show RUN
       tidemark pipelines logs RUN STEP
       tidemark pipelines cancel RUN [--reason TEXT]

Registers pipelines and runs them. "apply" reads FOLDER/pipeline.yaml, the Python files below the folder, the Git commit
and what is not committed; the same again makes no new version.

  --set P=V  a parameter of the run; a number, true, false or null is taken as such
  --follow   print states and logs until the run has ended; the exit code is 1 when it failed
${URL_HELP}`

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse(args)
  const [verb, first, second] = positionals
  const { client } = connect(values.url)
  switch (verb) {
    case 'apply': {
      const { created, version } = await applyPipeline(client, required(first, 'a folder'))
      const state = created ? 'registered' : 'is registered already'
      console.log(`Version ${version.version} of pipeline ${version.pipeline} ${state} (${version.digest}).`)
      return 0
    }
    case 'list': {
      const { pipelines } = await client.pipelines.listPipelines()
      const rows = pipelines.map((each) => [
        each.name,
        String(each.versions),
        String(each.runs),
        each.lastRun ? `${each.lastRun.state} ${each.lastRun.startedAt}` : 'none',
      ])
      console.log(table([['NAME', 'VERSION', 'RUNS', 'LAST RUN'], ...rows]))
      return 0
    }
    case 'run': {
      const pipeline = required(first, 'the name of a pipeline')
      const parameters = parametersOf(values.set ?? [])
      const started = await client.pipelines.startRun({ params: { pipeline }, body: { parameters } })
      console.log(`Run ${started.run} of ${pipeline} started.`)
      if (!values.follow) return 0
      const ended = await followRun(client, started.run)
      console.log(endOf(ended))
      return ended.state === 'succeeded' ? 0 : 1
    }
    case 'runs': {
      const { runs } = await client.pipelines.listRuns({ query: first ? { pipeline: first } : {} })
      const rows = runs.map((each) => [each.run, each.pipeline, each.state, each.purpose, each.startedAt])
      console.log(table([['RUN', 'PIPELINE', 'STATE', 'PURPOSE', 'STARTED'], ...rows]))
      return 0
    }
    case 'show':
      console.log(describe(await client.pipelines.getRun({ params: { run: required(first, 'the id of a run') } })))
      return 0
    case 'logs': {
      const params = { run: required(first, 'the id of a run'), step: required(second, 'the name of a step') }
      for (let offset = 0; ; ) {
        const part = await client.pipelines.getStepLog({ params, query: { offset } })
        process.stdout.write(part.text)
        if (part.text === '') return 0
        offset = part.nextOffset
      }
    }
    case 'cancel': {
      const params = { run: required(first, 'the id of a run') }
      const cancelled = await client.pipelines.cancelRun({ params, body: { reason: values.reason ?? '' } })
      console.log(`Run ${cancelled.run} is ${cancelled.state}.`)
      return 0
    }
    default:
      throw cliError('USAGE', `"${verb ?? ''}" is not among apply, list, run, runs, show, logs, cancel.`, 'pipelines')
  }
}

function parse(args: string[]) {
  const options = {
    ...URL_OPTION,
    set: { type: 'string', multiple: true },
    follow: { type: 'boolean' },
    reason: { type: 'string' },
  } as const
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw cliError('USAGE', error instanceof Error ? error.message : String(error), 'pipelines')
  }
}

function required(value: string | undefined, what: string): string {
  if (value === undefined) throw cliError('USAGE', `This needs ${what}.`, 'pipelines')
  return value
}

/** `--set trees=300 --set asOf=2000-01` as parameters. */
function parametersOf(sets: readonly string[]): Record<string, Parameter> {
  return Object.fromEntries(
    sets.map((text): [string, Parameter] => {
      const equals = text.indexOf('=')
      if (equals < 1) throw cliError('USAGE', `--set ${text} is not PARAMETER=VALUE.`, 'pipelines')
      return [text.slice(0, equals), parameterOf(text.slice(equals + 1))]
    }),
  )
}

function parameterOf(text: string): Parameter {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

function endOf(run: PipelineRun): string {
  const made = run.modelVersion ? `, made ${run.modelVersion}` : ''
  return `Run ${run.run} ${run.state}${made}${run.reason ? `: ${run.reason}` : ''}.`
}

function describe(run: PipelineRun): string {
  const steps = run.steps.map((step) => [
    step.step,
    step.state,
    String(step.attempt),
    step.startedAt && step.endedAt
      ? `${((Date.parse(step.endedAt) - Date.parse(step.startedAt)) / 1000).toFixed(1)} s`
      : '',
    step.reason ?? step.cacheReason ?? '',
  ])
  return [
    endOf(run),
    `Pipeline ${run.pipeline}/${run.version}, data ${run.datasets.map((pin) => `${pin.dataset}/${pin.version}`).join(', ') || 'none'}, parameters ${JSON.stringify(run.parameters)}`,
    table([['STEP', 'STATE', 'TRIES', 'TIME', 'WHY'], ...steps]),
  ].join('\n')
}

export default { help, run } satisfies Command
