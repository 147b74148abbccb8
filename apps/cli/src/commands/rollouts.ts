import { parseArgs } from 'node:util'
import type { Rollout } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { readRolloutFile } from '../rollouts/file.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark rollouts list [--endpoint NAME]
       tidemark rollouts show ID
       tidemark rollouts apply FILE
       tidemark rollouts start ENDPOINT VERSION --reason TEXT
       tidemark rollouts pause|resume|promote|abort|retry ID --reason TEXT
       tidemark rollouts pairs ID
       tidemark rollouts verdict ID
       tidemark rollouts replay ID

Rollouts decide by themselves; these show what they decided and on what evidence, or overrule them, which is recorded.
"apply" starts the rollout that FILE declares: endpoint, version, reason, and a policy of its own. "verdict" ends with 0 for
promote, 3 for hold and 4 for roll_back. "replay" computes every stored decision again and ends with 1 when one differs.

  --endpoint NAME  only the rollouts of one endpoint
  --reason TEXT    why, for the record
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { ...URL_OPTION, endpoint: { type: 'string' }, reason: { type: 'string' } },
      allowPositionals: true,
    })
    const [verb, first, second] = positionals
    const { client } = connect(values.url)
    const needed = (value: string | undefined, what: string): string => {
      if (value === undefined) throw cliError('USAGE', `${what} is missing.`, 'rollouts')
      return value
    }
    const body = () => ({ reason: needed(values.reason, '--reason') })
    const params = () => ({ id: needed(first, "The rollout's id") })
    switch (verb) {
      case 'list': {
        const query = values.endpoint === undefined ? {} : { endpoint: values.endpoint }
        const { rollouts } = await client.deployments.listRollouts({ query })
        const rows = rollouts.map((each) => [
          each.id,
          each.endpoint,
          `${each.model}/${each.version}`,
          stateOf(each),
          each.createdAt.slice(0, 19),
          each.reason,
        ])
        console.log(table([['ROLLOUT', 'ENDPOINT', 'VERSION', 'STATE', 'CREATED', 'LAST DECISION'], ...rows]))
        return 0
      }
      case 'show':
        console.log(shown(await client.deployments.getRollout({ params: params() })))
        return 0
      case 'start': {
        const version = Number(needed(second, 'The version'))
        const endpoint = needed(first, 'The endpoint')
        console.log(
          shown(await client.deployments.startRollout({ params: { endpoint }, body: { ...body(), version } })),
        )
        return 0
      }
      case 'apply': {
        const { endpoint, ...asked } = readRolloutFile(needed(first, 'The file'))
        console.log(shown(await client.deployments.startRollout({ params: { endpoint }, body: asked })))
        return 0
      }
      case 'pause':
      case 'resume':
      case 'promote':
      case 'abort':
      case 'retry': {
        const call = client.deployments[OVERRULE[verb]]
        console.log(shown(await call({ params: params(), body: body() })))
        return 0
      }
      case 'pairs': {
        const { pairs } = await client.deployments.rolloutPairs({ params: params(), query: {} })
        const rows = pairs.map((pair) => [
          pair.entity,
          pair.version,
          JSON.stringify(pair.champion),
          JSON.stringify(pair.candidate),
          number(pair.difference),
          number(pair.label),
        ])
        console.log(table([['THING', 'VERSION', 'CHAMPION SAID', 'IT SAID', 'DIFFERENCE', 'LABEL'], ...rows]))
        return 0
      }
      case 'verdict': {
        const found = await client.deployments.rolloutVerdict({ params: params() })
        console.log(`${found.verdict}: ${found.reason}${found.nextLook ? ` (next look ${found.nextLook})` : ''}`)
        return VERDICTS[found.verdict]
      }
      case 'replay': {
        const found = await client.deployments.replayRollout({ params: params() })
        for (const each of found.decisions) {
          const again =
            each.outcome === 'different' ? `; computed again: ${each.again?.kind}, ${each.again?.reason}` : ''
          console.log(`${each.outcome.padEnd(11)}  ${each.kind.padEnd(9)}  ${each.reason}${again}`)
        }
        console.log(`${found.same} the same, ${found.different} different, ${found.byPersons} by persons`)
        return found.different === 0 ? 0 : 1
      }
      default:
        throw cliError(
          'USAGE',
          'Say list, show, apply, start, pause, resume, promote, abort, retry, pairs, verdict or replay.',
          'rollouts',
        )
    }
  },
}
export default command

const OVERRULE = {
  pause: 'pauseRollout',
  resume: 'resumeRollout',
  promote: 'promoteRollout',
  abort: 'abortRollout',
  retry: 'retryRollout',
} as const
/** Exit codes, so that a script can ask. */
const VERDICTS = { promote: 0, hold: 3, roll_back: 4 } as const

function stateOf({ state, confirmed, paused }: Pick<Rollout, 'state' | 'confirmed' | 'paused'>): string {
  const waiting = `${paused ? ', paused' : ''}${confirmed ? '' : ', waits for gateways'}`
  switch (state.kind) {
    case 'canary':
      return `canary ${state.weightPercent} %${waiting}`
    case 'promoted':
      return `${state.proof === 'promoted without proof' ? state.proof : 'promoted'}${waiting}`
    case 'ab':
      return `A/B ${state.weights.map((each) => `version ${each.version} ${each.weightPercent} %`).join(', ')}${waiting}`
    case 'observed':
      return `observed (${state.verdict})${waiting}`
    case 'rolled_back':
      return `rolled back (${state.guardrail})${waiting}`
    case 'queued':
    case 'shadow':
    case 'dropped':
      return `${state.kind}${waiting}`
  }
}

function shown(rollout: Rollout): string {
  const { model, version, endpoint, championVersion, progress, guardrails, decisions } = rollout
  const rows = guardrails.map((each) => [
    each.name,
    `${each.units} × ${each.unit}`,
    number(each.champion),
    number(each.candidate),
    number(each.difference),
    String(each.margin),
    `${number(each.harmEValue)} of ${number(each.harmNeeds)}`,
    `${number(each.acceptanceEValue)} of ${each.acceptanceNeeds}${each.proven ? ' ✓' : ''}`,
  ])
  const head = ['GUARDRAIL', 'EVIDENCE', 'CHAMPION', 'CANDIDATE', 'DIFFERENCE', 'MARGIN', 'HARM e', 'WITHIN MARGIN e']
  return [
    `${model}/${version} against version ${championVersion} on ${endpoint}: ${stateOf(rollout)}`,
    `  ${rollout.reason}`,
    ...(rollout.nextLook
      ? [
          `  next look: ${rollout.nextLook}${rollout.nextLookAt ? `, by time on ${rollout.nextLookAt.slice(0, 16)}` : ''}`,
        ]
      : []),
    `  ${progress.requests} requests, ${progress.callersAtStep} callers at this step, ${progress.pairs} things seen by both, ${progress.labelledPairs} labelled`,
    `  ${spent(rollout)}`,
    '',
    table([head, ...rows]),
    '',
    ...decisions
      .toReversed()
      .map(
        (each) =>
          `${(each.eventTime ?? each.decidedAt).slice(0, 10)}  ${each.kind.replace('_', ' ').padEnd(9)}  ${each.reason} (by ${each.by.id})`,
      ),
  ].join('\n')
}

/** How often it may be wrong, and how often those before it. */
function spent({ spending }: Rollout): string {
  const { alpha, alphaPerYear, rolloutsBefore, spentBefore } = spending
  const year = alphaPerYear === null ? 'without a budget for the year' : `of ${number(100 * alphaPerYear)} % a year`
  const before = `${rolloutsBefore} rollouts of the year before had ${number(100 * spentBefore)} % together`
  return `may roll back a healthy version in ${number(100 * alpha)} % of cases, ${year}; ${before}`
}

function number(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(3)))
}
