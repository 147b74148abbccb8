import type { EndpointHealth } from '@tidemark/contracts'
import { ENDPOINT, MODEL, SIMULATION } from './config.ts'
import type { DemoContext, Invariant } from './context.ts'
import { monthStart } from './films.ts'
import type { News } from './news.ts'
import type { Site } from './site.ts'
import { unshown } from './unshown.ts'

/** Stations 7 and 8: the years pass; monitoring watches, automation decides, and the loop closes without a hand. */
export async function loopStations(context: DemoContext, site: Site, news: News): Promise<Invariant[]> {
  const { story, platform } = context
  const { client } = platform
  story.station('Monitoring: windows of event time, one false-alarm budget each')
  const { fault } = SIMULATION
  const faultFrom = monthStart(fault.from[0], fault.from[1])
  story.simulated(
    `one fault: upstream sends "${fault.column}" in thousands from ${faultFrom.toISOString().slice(0, 7)} on, for ${fault.months} months.`,
  )
  let mended = false
  while (!site.ended) {
    const at = site.now
    await site.playMonth()
    await news.tell(`${at.toISOString().slice(0, 7)}: `)
    if (!mended && at > faultFrom && !site.isFaulty(at)) mended = await mend(context)
    if (at.getUTCMonth() === 11) story.fact(`${at.getUTCFullYear()} has passed: ${await year(context)}`)
  }
  const health = await client.monitoring.health({ params: { endpoint: ENDPOINT }, query: {} })
  const judged = health.windows.filter(({ state }) => state === 'judged')
  const alarmed = judged.filter(({ alarms }) => alarms > 0)
  story.fact(
    `${judged.length} windows judged, ${alarmed.length} with an alarm; ${site.labels} labels joined; ${health.quarantined} films quarantined.`,
  )
  for (const found of health.faults) story.fact(`Fault: ${found.sentence}`)
  return [...(await faultInvariants(health, faultFrom)), ...(await automation(context, news))]
}

/** The sender was mended (simulated); a person says so, and what was quarantined stays so. */
async function mend({ platform, story }: DemoContext): Promise<boolean> {
  const { faults } = await platform.client.monitoring.listFaults({ params: { endpoint: ENDPOINT } })
  const open = faults.filter(({ state }) => state === 'open')
  for (const { id } of open) {
    await platform.client.monitoring.resolveFault({
      params: { endpoint: ENDPOINT, fault: id },
      body: { reason: 'upstream sends dollars again' },
    })
    story.simulated('upstream mended its budgets and sent the films again; the operator closed the fault.')
  }
  return open.length > 0
}

async function year({ platform }: DemoContext): Promise<string> {
  const health = await platform.client.monitoring.health({ params: { endpoint: ENDPOINT }, query: {} })
  const { performance } = health
  const now =
    performance?.lossNow === null || performance?.lossNow === undefined
      ? ''
      : `, mean absolute error ${performance.lossNow.toFixed(2)}`
  return `${MODEL}/${health.championVersion} serves${now}. ${health.sentence}`
}

async function faultInvariants(health: EndpointHealth, from: Date): Promise<Invariant[]> {
  const { column, factor } = SIMULATION.fault
  const named = health.faults.filter((fault) => fault.feature === column)
  const found = named[0]
  return [
    {
      text: `the planted fault was noticed and named: ${column} × ${factor}`,
      holds: named.length === 1 && Math.abs((found?.factor ?? 0) / factor - 1) < 0.01,
    },
    {
      text: `the fault's beginning was found: ${from.toISOString().slice(0, 7)}`,
      holds: found?.since.slice(0, 7) === from.toISOString().slice(0, 7),
    },
    { text: 'the fault was quarantined', holds: (found?.quarantined ?? 0) > 0 },
    { text: 'no other input fault was called', holds: health.faults.length === named.length },
  ]
}

/** Station 8: what automation decided, and what came of it. */
async function automation(context: DemoContext, news: News): Promise<Invariant[]> {
  const { story, platform } = context
  story.station('Automation: lost performance → retrain or not → candidate → gates → approval → rollout')
  const { decisions, recovery, trainings } = await platform.client.automation.listDecisions({
    params: { endpoint: ENDPOINT },
  })
  for (const decision of [...decisions].reverse()) {
    story.decision(`${decision.at.slice(0, 7)}: ${decision.sentence}`)
    if (decision.outcome) story.fact(`  outcome: ${decision.outcome.sentence}`)
  }
  if (decisions.length === 0) story.fact('No performance was lost that called for a decision.')
  if (recovery)
    story.fact(
      `Belief about what a retraining wins back: ${(100 * recovery.mean).toFixed(0)} % after ${recovery.outcomes} outcomes.`,
    )
  const { rollouts } = await platform.client.deployments.listRollouts({ query: { endpoint: ENDPOINT } })
  for (const rollout of [...rollouts].reverse())
    story.fact(`${rollout.model}/${rollout.version}: ${rollout.state.kind.replace('_', ' ')}. ${rollout.reason}`)

  const notShown = unshown(news.events)
  if (notShown.length > 0) {
    story.fact(`Not shown, since these films gave no cause for it: ${notShown.join(', ')}.`)
    story.fact(
      'That the loop goes all the way is shown by apps/cli/src/journeys/loop.test.ts, where performance is lost by plan.',
    )
  }

  const candidates = new Set(
    news.events.filter(({ type }) => type === 'registry.candidate_registered').map(({ payload }) => payload.version),
  )
  const gated = new Set(
    news.events.filter(({ type }) => type === 'evaluation.gates_passed').map(({ payload }) => payload.version),
  )
  const begun = news.events
    .filter(({ type }) => type === 'deployments.rollout_started')
    .map(({ payload }) => payload.version)
  const ends = news.events
    .filter(({ type }) => type === 'deployments.rollout_promoted' || type === 'deployments.rollout_rolled_back')
    .map(({ payload }) => payload.rollout)
  const duringFault = decisions.filter(({ verdict, at }) => verdict === 'retrain' && isDuringFault(new Date(at)))
  return [
    { text: `at most three trainings (${trainings})`, holds: trainings <= 3 },
    {
      text: 'every candidate that was rolled out is the very version that passed the gates',
      holds: begun.every((version) => !candidates.has(version) || gated.has(version)),
    },
    { text: 'no rollout ended twice', holds: new Set(ends).size === ends.length },
    { text: 'the fault was never healed by retraining', holds: duringFault.length === 0 },
  ]
}

function isDuringFault(at: Date): boolean {
  const { from, months } = SIMULATION.fault
  return at >= monthStart(from[0], from[1]) && at < monthStart(from[0], from[1] + months)
}
