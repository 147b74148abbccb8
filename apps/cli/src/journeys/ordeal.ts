import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PipelineRun, Rollout } from '@tidemark/contracts'
import { ENDPOINT, PIPELINE } from '../demo/config.ts'
import { settled, until } from '../demo/settle.ts'
import type { Audience } from './audience.ts'
import { allEvents, countedInWindows, effects, idsInLog } from './evidence.ts'
import type { MetricWriter } from './metric-writer.ts'
import type { Site } from './platform.ts'
import { find, killNow, type Victim } from './victims.ts'

/** Kills one process and waits until the platform answers again, all of it. @returns milliseconds until then. */
export async function killAndRecover(site: Site, victim: Victim, signal?: NodeJS.Signals): Promise<number> {
  const pid = await until(`a ${victim} to kill`, async () => find(site.platform, victim))
  const before = site.platform.pids()
  await killNow(pid, signal)
  const killed = performance.now()
  await untilItServes(site)
  const after = site.platform.pids()
  // Whoever was not killed goes on as the same process.
  for (const part of ['server', 'gateway', 'database'] as const)
    if (part !== victim) assert.equal(after[part], before[part], `the ${part} ended too when the ${victim} was killed`)
  return Math.round(performance.now() - killed)
}

async function untilItServes({ connection, platform }: Site): Promise<void> {
  await until('server and gateway to answer', async () => {
    const answers = [`${connection.url}/readyz`, `${connection.gatewayUrl}/readyz`].map((url) =>
      fetch(url).then(async (response) => {
        await response.body?.cancel()
        return response.status === 200
      }),
    )
    const good = (await Promise.allSettled(answers)).every((each) => each.status === 'fulfilled' && each.value)
    const { server, gateway, database } = platform.pids()
    return (good && server && gateway && database) || undefined
  })
}

/**
 * Starts a training, kills each of the victims in turn in the middle of its step `train`, and waits for the run's end.
 * @returns how long the platform was away each time
 */
export async function killWhileTraining(
  site: Site,
  victims: readonly Victim[],
  trees: number,
): Promise<{ recoveredMs: readonly number[]; run: PipelineRun }> {
  const { client } = site.connection
  const parameters = { asOf: '2000-01', trees }
  const { run } = await client.pipelines.startRun({ params: { pipeline: PIPELINE }, body: { parameters } })
  const recoveredMs: number[] = []
  for (const victim of victims) {
    await stepBegins(site, run, 'train')
    recoveredMs.push(await killAndRecover(site, victim))
  }
  return { recoveredMs, run: await runEnds(site, run) }
}

/** Waits until a step's Python process is there. */
export async function stepBegins(site: Site, run: string, step: string): Promise<void> {
  await until(`step ${step} of run ${run} to run`, async () => {
    const now = await runNow(site, run)
    if (!now) return undefined
    const { steps, endedAt, reason } = now
    assert.equal(endedAt, null, `the run ended before its step ${step} could be met: ${reason}`)
    const running = steps.some((each) => each.step === step && each.state === 'running')
    return (running && find(site.platform, 'step')) || undefined
  })
}

export async function runEnds(site: Site, run: string): Promise<PipelineRun> {
  return until(`the end of pipeline run ${run}`, async () => {
    const now = await runNow(site, run)
    return now?.endedAt ? now : undefined
  })
}

/** Undefined while the platform cannot tell: a PostgreSQL that lost one connection closes the others a moment after the first good answer. */
function runNow({ connection }: Site, run: string): Promise<PipelineRun | undefined> {
  return connection.client.pipelines.getRun({ params: { run } }).catch(() => undefined)
}

/** The rollout that is under way, once every gateway has confirmed it. */
export async function rolloutUnderWay({ connection }: Site, kind: 'shadow' | 'canary'): Promise<Rollout> {
  return until(`a rollout in ${kind}`, async () => {
    const { rollouts } = await connection.client.deployments.listRollouts({ query: { endpoint: ENDPOINT } })
    const found = rollouts.find((each) => each.state.kind === kind && each.confirmed)
    return found && connection.client.deployments.getRollout({ params: { id: found.id } })
  })
}

/** What a rollout is and knows: must be the same after any crash that nothing happened in. */
export function standing({ state, weights, progress, guardrails, points, decisions, confirmed }: Rollout) {
  return { state, weights, progress, guardrails, points, decisions: decisions.length, confirmed }
}

/** What the end of the ordeal counted, to be printed and judged. */
export interface Tally {
  readonly predictions: {
    readonly acknowledged: number
    readonly inLog: number
    readonly inWindows: number
    readonly missing: number
    /** Logged, but its visitor was gone with the gateway before the answer left. */
    readonly loggedUnacknowledged: number
    readonly unanswered: number
    readonly refused: number
    readonly doubled: number
  }
  readonly metrics: {
    readonly acknowledged: number
    readonly stored: number
    readonly missing: number
    readonly doubled: number
    readonly retries: number
  }
  readonly events: { readonly total: number; readonly gaps: number; readonly chainIntact: boolean }
  readonly effects: { readonly kinds: number; readonly doubled: readonly string[] }
  readonly runs: { readonly succeeded: number; readonly failed: readonly string[]; readonly open: number }
}

/** Lets everything come to rest and counts. */
export async function tally(site: Site, audience: Audience, writer: MetricWriter): Promise<Tally> {
  await Promise.all([audience.end(), writer.end()])
  await settled(site.connection)
  const { connection, platform } = site
  const { client } = connection

  const logged = await idsInLog(connection, platform.dataDir, ENDPOINT)
  const ids = new Set(logged)
  const history = await writer.history()
  const stored = new Map(history.map(({ step, value }) => [step, value]))
  // In this order: a version that is prepared meanwhile is one event more.
  const audit = await client.governance.verifyAudit()
  const events = await allEvents(connection)
  const counted = effects(events)
  const { runs } = await client.pipelines.listRuns({ query: { limit: 1000 } })
  const missing = [...audience.acknowledged].filter((id) => !ids.has(id)).length
  return {
    predictions: {
      acknowledged: audience.acknowledged.size,
      inLog: ids.size,
      inWindows: await countedInWindows(connection),
      missing,
      loggedUnacknowledged: ids.size - (audience.acknowledged.size - missing),
      unanswered: audience.unanswered,
      refused: audience.refused,
      doubled: logged.length - ids.size,
    },
    metrics: {
      acknowledged: writer.acknowledged.length,
      stored: stored.size,
      missing: writer.acknowledged.filter((step) => stored.get(step) !== 1 / step).length,
      doubled: history.length - stored.size,
      retries: writer.retries,
    },
    events: {
      total: events.length,
      gaps: events.filter(({ position }, index) => position !== index + 1).length,
      chainIntact: audit.intact && audit.events <= events.length,
    },
    effects: {
      kinds: counted.size,
      doubled: [...counted].filter(([, times]) => times !== 1).map(([name, times]) => `${name}: ${times} times`),
    },
    runs: {
      succeeded: runs.filter(({ state }) => state === 'succeeded').length,
      failed: runs.filter(({ state }) => state === 'failed').map(({ reason }) => reason ?? ''),
      open: runs.filter(({ endedAt }) => endedAt === null).length,
    },
  }
}

/** What must hold after any row of crashes. */
export function assertNothingLost(found: Tally): void {
  const { predictions, metrics, events, effects: once, runs } = found
  assert.ok(predictions.acknowledged > 0 && metrics.acknowledged > 0, 'nothing was acknowledged')
  assert.equal(predictions.missing, 0, 'acknowledged predictions that are not in the log')
  assert.equal(predictions.doubled, 0, 'predictions that are in the log twice')
  assert.equal(predictions.inWindows, predictions.inLog, 'the windows count what the log holds')
  assert.ok(predictions.loggedUnacknowledged <= predictions.unanswered, 'logged answers that nobody waited for')
  assert.equal(metrics.missing, 0, 'acknowledged metrics that are not stored')
  assert.equal(metrics.doubled, 0, 'metrics that are stored twice')
  assert.equal(events.gaps, 0, 'positions without an event')
  assert.equal(events.chainIntact, true, 'the hash chain of the events')
  assert.deepEqual(once.doubled, [], 'effects that happened more than once')
  assert.equal(runs.open, 0, 'pipeline runs without an end')
  for (const reason of runs.failed) assert.notEqual(reason, '', 'a failed run says why')
}

/** Lets visitors and writer go on for a while. */
export const aWhile = () => sleep(300)

/** At which try the training came to its end. */
export function triesOf({ steps }: PipelineRun): number {
  return steps.find(({ step }) => step === 'train')?.attempt ?? 0
}
