import { parseArgs } from 'node:util'
import type { EndpointHealth, WindowCheck } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark monitoring list
       tidemark monitoring show ENDPOINT [--windows N]
       tidemark monitoring window ENDPOINT ID
       tidemark monitoring faults ENDPOINT
       tidemark monitoring resolve ENDPOINT FAULT --reason TEXT
       tidemark monitoring quarantine ENDPOINT
       tidemark monitoring decisions ENDPOINT
       tidemark monitoring prediction ID

Windows with their checks, realised loss, input faults, and what automation decided.

  --windows N      how many windows, newest; 12 unless given
  --reason TEXT    why, for the record
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { ...URL_OPTION, windows: { type: 'string', default: '12' }, reason: { type: 'string' } },
      allowPositionals: true,
    })
    const [verb, first, second] = positionals
    const { client } = connect(values.url)
    const needed = (value: string | undefined, what: string): string => {
      if (value === undefined) throw cliError('USAGE', `${what} is missing.`, 'monitoring')
      return value
    }
    const endpoint = () => ({ endpoint: needed(first, 'The endpoint') })
    switch (verb) {
      case 'list': {
        const { endpoints } = await client.monitoring.overview()
        const rows = endpoints.map((each) => [
          each.endpoint,
          each.state,
          each.eventTime?.slice(0, 10) ?? '–',
          `${each.alarmedWindows} of ${each.windows}`,
          each.sentence,
        ])
        console.log(table([['ENDPOINT', 'STATE', 'EVENT TIME', 'WINDOWS WITH ALARM', 'WHY'], ...rows]))
        return 0
      }
      case 'show': {
        const query = { windows: Number(values.windows) }
        console.log(shownHealth(await client.monitoring.health({ params: endpoint(), query })))
        return 0
      }
      case 'window': {
        const params = { ...endpoint(), window: needed(second, "The window's id") }
        const { window, checks } = await client.monitoring.getWindow({ params })
        console.log(`${window.from.slice(0, 10)} to ${window.to.slice(0, 10)}: ${window.reason ?? window.state}`)
        console.log(table([['FEATURE', 'CHECK', 'P', 'ADJUSTED', 'EFFECT', '', 'WHAT'], ...checks.map(checkRow)]))
        return 0
      }
      case 'faults': {
        const { faults } = await client.monitoring.listFaults({ params: endpoint() })
        for (const fault of faults) {
          console.log(
            `${fault.id}  ${fault.state}  ${fault.sentence}${fault.resolution ? `; ${fault.resolution}` : ''}`,
          )
        }
        if (faults.length === 0) console.log('No input fault.')
        return 0
      }
      case 'resolve': {
        const params = { ...endpoint(), fault: needed(second, "The fault's id") }
        const body = { reason: needed(values.reason, '--reason') }
        const fault = await client.monitoring.resolveFault({ params, body })
        console.log(`${fault.feature} is taken as good from ${fault.until?.slice(0, 10)} on: ${fault.resolution}`)
        return 0
      }
      case 'quarantine': {
        const { entities, total } = await client.monitoring.listQuarantine({ params: endpoint(), query: {} })
        const rows = entities.map((each) => [
          each.entity,
          each.feature,
          String(each.value),
          each.eventTime.slice(0, 10),
          each.prediction,
        ])
        console.log(table([['THING', 'FEATURE', 'VALUE', 'EVENT TIME', 'PREDICTION'], ...rows]))
        console.log(`${total} things in quarantine`)
        return 0
      }
      case 'decisions': {
        const { decisions, recovery } = await client.automation.listDecisions({ params: endpoint() })
        for (const each of decisions) {
          console.log(`${each.at.slice(0, 10)}  ${each.verdict.padEnd(7)}  ${each.sentence}`)
          if (each.outcome) console.log(`            outcome: ${each.outcome.sentence}`)
        }
        if (decisions.length === 0) console.log('No decision yet: no performance was lost.')
        if (recovery) {
          console.log(`Expected recovery ${Math.round(recovery.mean * 100)} % after ${recovery.outcomes} outcomes`)
        }
        return 0
      }
      case 'prediction': {
        const found = await client.monitoring.getPrediction({ params: { id: needed(first, "The prediction's id") } })
        console.log(JSON.stringify(found, null, 2))
        return 0
      }
      default:
        throw cliError(
          'USAGE',
          'Say "list", "show", "window", "faults", "resolve", "quarantine", "decisions" or "prediction".',
          'monitoring',
        )
    }
  },
}
export default command

function checkRow(check: WindowCheck): string[] {
  return [
    check.feature,
    check.kind.replace('_', ' '),
    number(check.pValue),
    number(check.adjustedPValue),
    number(check.effect),
    check.alarm ? 'ALARM' : '',
    check.sentence,
  ]
}

function shownHealth(health: EndpointHealth): string {
  const losses = new Map(health.realisedLoss.points.map((point) => [point.window, point]))
  const rows = health.windows.map((window) => {
    const loss = losses.get(window.id)
    const alarmed = health.heatMap.filter((mark) => mark.window === window.id && mark.alarm).map((mark) => mark.feature)
    return [
      window.from.slice(0, 10),
      window.state.replace('_', ' '),
      String(window.entities),
      String(window.predictions),
      alarmed.join(', ') || '–',
      loss && loss.n > 0 ? `${number(loss.mean)} (${number(loss.lower)} – ${number(loss.upper)}), ${loss.n}` : '–',
    ]
  })
  const { reference } = health.realisedLoss
  const { labels } = health
  return [
    `${health.endpoint} serves ${health.model}/${health.championVersion}: ${health.state}`,
    `  ${health.sentence}`,
    ...(health.performance ? [`  ${health.performance.sentence}`] : []),
    ...(reference ? [`  loss on the holdout ${number(reference.mean)} (${reference.n} rows)`] : []),
    `  labels for ${labels.labelled} of ${labels.entities} things, ${labels.overdue} overdue, ${health.quarantined} things in quarantine`,
    '',
    table([['WINDOW', 'STATE', 'THINGS', 'PREDICTIONS', 'CHANGED', 'LOSS (95 %), LABELS'], ...rows]),
  ].join('\n')
}

function number(value: number): string {
  return String(Number(value.toPrecision(3)))
}
