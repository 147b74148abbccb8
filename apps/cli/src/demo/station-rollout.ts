import { GATE_NAMES, type Rollout, type RolloutState } from '@tidemark/contracts'
import { ENDPOINT, MODEL, SIMULATION } from './config.ts'
import type { DemoContext, Invariant } from './context.ts'
import type { News } from './news.ts'
import { until } from './settle.ts'
import type { Site } from './site.ts'
import type { BadVersions } from './station-gates.ts'

const MOST_MONTHS = 30

/** Station 6: a person waives the gates for each bad version in turn; the rollout must find out by itself. */
export async function rolloutStation(
  context: DemoContext,
  site: Site,
  news: News,
  bad: BadVersions,
): Promise<Invariant[]> {
  const { story } = context
  story.station('Rollout: shadow → canary → all, decided by always-valid tests')
  story.simulated(
    `visitors: ${SIMULATION.visitsPerFilm} visits per film on average, sticky per visitor; a rating becomes known ${SIMULATION.labelDelayDays} days after release.`,
  )
  const failing = await letIn(
    context,
    site,
    news,
    bad.failing,
    'the operator is sure that all films have a running time',
  )
  const tooLow = await letIn(context, site, news, bad.tooLow, 'the operator finds the ratings too generous')
  const byLabels = tooLow.kind === 'rolled_back' && tooLow.guardrail === 'loss'
  const byTime = tooLow.kind === 'rolled_back' && tooLow.guardrail === 'time'
  const how = byLabels ? 'on paired labels' : byTime ? 'at the time limit, its harm not proven by then' : 'in time'
  return [
    {
      text: `the version that fails (${MODEL}/${bad.failing}) was rolled back on errors`,
      holds: failing.kind === 'rolled_back' && failing.guardrail === 'errors',
    },
    {
      text: `the version that rates too low (${MODEL}/${bad.tooLow}) was rolled back ${how}`,
      holds: byLabels || byTime,
    },
  ]
}

/** What the evidence on the loss had come to when a rollout ended by its limit of time. */
function lossSoFar({ guardrails }: Rollout): string {
  const loss = guardrails.find(({ name }) => name === 'loss')
  const { units = 0, difference = null, harmEValue = 1, harmNeeds = 1 } = loss ?? {}
  const more = difference === null ? 'unknown' : difference.toFixed(3)
  return `its mean loss was ${more} higher over ${units} labelled films: evidence of harm ${harmEValue.toPrecision(3)}, of the ${harmNeeds} that prove it`
}

async function letIn(
  context: DemoContext,
  site: Site,
  news: News,
  version: number,
  reason: string,
): Promise<RolloutState> {
  const { client } = context.platform
  const { evaluations } = await client.evaluation.listEvaluations({ query: { model: MODEL, version, limit: 1 } })
  const failed = new Set(evaluations[0]?.gates.filter(({ verdict }) => verdict === 'failed').map(({ name }) => name))
  await client.governance.recordWaiver({
    body: { model: MODEL, version, endpoint: ENDPOINT, gates: GATE_NAMES.filter((name) => failed.has(name)), reason },
  })
  const { id } = await until(`the rollout of ${MODEL}/${version}`, async () => {
    const { rollouts } = await client.deployments.listRollouts({ query: { endpoint: ENDPOINT } })
    return rollouts.find((rollout) => rollout.version === version && rollout.confirmed)
  })
  for (let month = 0; month < MOST_MONTHS && !site.ended; month++) {
    const at = site.now.toISOString().slice(0, 7)
    await site.playMonth()
    await news.tell(`${at}: `)
    const rollout = await client.deployments.getRollout({ params: { id } })
    const { state } = rollout
    if (state.kind === 'rolled_back' && state.guardrail === 'time') context.story.fact(lossSoFar(rollout))
    if (state.kind === 'promoted' || state.kind === 'rolled_back' || state.kind === 'dropped') return state
  }
  return (await client.deployments.getRollout({ params: { id } })).state
}
