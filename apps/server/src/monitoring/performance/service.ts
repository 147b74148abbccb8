import { performanceLost, uuidv7 } from '@tidemark/contracts'
import { addLoss, type PerformanceWatch, performanceEvidence, startPerformanceWatch } from '@tidemark/statistics'
import { type Platform, systemActor, type Tx } from '../../platform/index.ts'
import type { EndpointKey, MonitoredEndpoint } from '../types.ts'
import { eventTimeOf, windowsBefore } from '../windows/store.ts'
import { convertLosses, describePerformance, lossNow, shouldReport } from './decide.ts'
import * as store from './store.ts'

const FEWEST_REFERENCE_LOSSES = 10
const LATEST_TIME = new Date('9999-01-01T00:00:00Z')
/** Drift that is older than this many windows is not named as a cause. */
const WINDOWS_OF_CAUSES = 12

/** Begins the watch over a version's realised losses, against those on its holdout. */
export async function startWatch(
  tx: Tx,
  key: EndpointKey,
  version: number,
  facts: MonitoredEndpoint,
  holdoutLosses: readonly number[] | null,
  now: Date,
): Promise<void> {
  const { loss, alpha } = facts.policy
  const losses = holdoutLosses && convertLosses(holdoutLosses, facts.gateLoss, loss)
  const enough = losses !== null && losses.length >= FEWEST_REFERENCE_LOSSES
  const missing = enough
    ? null
    : `Version ${version} has ${losses?.length ?? 0} holdout losses, fewer than the ${FEWEST_REFERENCE_LOSSES} to compare with.`
  const initial = enough ? startPerformanceWatch(losses, { alpha }) : null
  await store.insertWatch(tx, key, { version, loss, initial, missing, adoptedAt: now })
}

/**
 * Adds to the champion's watch what became ready, after taking out what was quarantined, and reports lost performance when the rule says so.
 * Appends its event last; the caller appends none after it. Under the endpoint's lock.
 */
export async function watchRealised(
  platform: Platform,
  tx: Tx,
  key: EndpointKey,
  facts: MonitoredEndpoint,
): Promise<void> {
  const watch = await store.watchOf(tx, key, facts.championVersion)
  if (!watch?.initial || !watch.state) return
  const { version } = watch
  let state: PerformanceWatch = watch.state
  const rebuilt = (await store.tainted(tx, key, version)) > 0
  if (rebuilt) state = (await store.renumber(tx, key, version)).reduce(addRow, watch.initial)
  const ready = await store.readyLosses(tx, key, watch)
  if (ready.length === 0 && !rebuilt) return
  await store.markFolded(
    tx,
    key,
    version,
    ready.map((row) => row.entity),
    state.n,
  )
  state = ready.reduce(addRow, state)
  await store.saveWatch(tx, key, version, state)

  const evidence = performanceEvidence(state)
  const now = (await eventTimeOf(tx, key)) ?? platform.clock.now()
  if (!shouldReport(evidence, watch.report, now)) return
  const windows = await windowsBefore(tx, key, LATEST_TIME, WINDOWS_OF_CAUSES)
  const window = windows.find((each) => each.state !== 'closed')
  if (!window) return
  const drifts = windows.flatMap((each) => each.drift_event ?? [])
  const causes = [...new Set([window.closed_event, ...drifts].filter((id) => id !== null))]
  const actor = systemActor('monitoring', key.workspace).because(causes, uuidv7())
  const increase = evidence.change ?? evidence
  const event = await platform.events.append(
    tx,
    actor,
    performanceLost,
    {
      endpoint: key.endpoint,
      window: window.id,
      from: window.starts.toISOString(),
      to: window.ends.toISOString(),
      version,
      lossBefore: evidence.referenceMean,
      lossNow: lossNow(evidence),
      summary: describePerformance(version, watch.loss, evidence),
      evidence: {
        loss: watch.loss,
        labelled: evidence.n,
        eValue: evidence.highestEValue,
        threshold: evidence.threshold,
        increase: increase.increase,
        increaseLower: increase.interval.lower,
        increaseUpper: increase.interval.upper,
        increaseOfAll: evidence.increase,
        changedAt: evidence.change ? new Date(evidence.change.since).toISOString() : null,
        labelledSinceChange: evidence.change?.n ?? evidence.n,
      },
    },
    now,
  )
  const logEvidence = Math.log(evidence.highestEValue)
  await store.saveReport(tx, key, version, { logEvidence, at: now.toISOString(), event, answered: false })
}

function addRow(state: PerformanceWatch, row: { loss: number; event_time: Date }): PerformanceWatch {
  return addLoss(state, { loss: row.loss, at: row.event_time.getTime() })
}
