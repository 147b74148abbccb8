import { ENDPOINT } from './config.ts'
import type { DemoContext, Invariant } from './context.ts'
import type { News } from './news.ts'

/** Station 9: the chain of causes of an act, and the lineage of a prediction. */
export async function whyStation(context: DemoContext, news: News): Promise<Invariant[]> {
  const { story, platform, traffic } = context
  const { client } = platform
  story.station('Why: the chain of causes of any act, and the lineage of any prediction')
  const act =
    news.events.findLast(({ type, causes }) => type === 'deployments.rollout_promoted' && causes.length > 0) ??
    news.events.findLast(({ type }) => type === 'automation.retraining_declined') ??
    news.events.findLast(({ type }) => type === 'deployments.rollout_rolled_back')
  const invariants: Invariant[] = []
  if (act) {
    const why = await client.governance.why({ params: { id: act.id } })
    story.fact(`./tidemark why ${act.id}`)
    for (const event of why.chain) story.fact(`  ${event.recordedAt.slice(11, 19)} ${event.sentence}`)
    invariants.push({ text: 'the chain of causes reaches further than the act itself', holds: why.chain.length > 1 })
  }
  const prediction = traffic.lastPredictionId
  if (prediction) {
    const why = await client.governance.why({ params: { id: prediction } })
    story.fact(`./tidemark why ${prediction}`)
    for (const { label, value } of why.facts) story.fact(`  ${label}: ${value}`)
    const labels = why.facts.map(({ label }) => label.toLowerCase()).join(' ')
    invariants.push({
      text: 'a prediction leads to its model version, run, commit, data version and approval',
      holds: ['version', 'run', 'commit', 'data', 'approv'].every((part) => labels.includes(part)),
    })
  }
  const audit = await client.governance.verifyAudit()
  story.fact(
    `Audit trail: ${audit.events} events, hash chain ${audit.intact ? 'intact' : `broken at ${audit.firstBrokenPosition}`}.`,
  )
  invariants.push({ text: 'the audit trail is intact', holds: audit.intact })
  return invariants
}

/** Every acknowledged answer must be in a window's count, once. */
export async function countInvariant({ platform, traffic, story }: DemoContext): Promise<Invariant> {
  const { windows } = await platform.client.monitoring.listWindows({
    params: { endpoint: ENDPOINT },
    query: { limit: 1000 },
  })
  const counted = windows.reduce((sum, window) => sum + window.predictions, 0)
  story.fact(`${traffic.acknowledged} answers acknowledged, ${counted} counted in ${windows.length} windows.`)
  return { text: 'every acknowledged prediction is counted exactly once', holds: counted === traffic.acknowledged }
}

/** Station 10: the UI is there. */
export async function uiStation({ platform, story }: DemoContext): Promise<Invariant[]> {
  story.station('Web UI: everything above, to look at')
  const page = await fetch(platform.url, { headers: { accept: 'text/html' } })
  const text = await page.text()
  story.fact(`${platform.url}: home, runs, rollouts, monitoring, and the Why of every act.`)
  story.fact(
    `${platform.url}/monitoring/${ENDPOINT} · ${platform.url}/endpoints/${ENDPOINT} · ${platform.url}/governance`,
  )
  return [{ text: 'the UI answers', holds: page.status === 200 && text.includes('<div id="root">') }]
}
