import type { EndpointHealth, PerformanceState } from '@tidemark/contracts'
import { performanceEvidence } from '@tidemark/statistics'
import type { Platform, Queryable } from '../../platform/index.ts'
import { EndpointNotMonitored } from '../errors.ts'
import { countQuarantined, faultOf, listFaults } from '../faults/store.ts'
import { describePerformance, lossNow } from '../performance/decide.ts'
import { type StoredWatch, watchOf } from '../performance/store.ts'
import { profileOfVersion } from '../reference/store.ts'
import type { EndpointKey, MonitoringPorts } from '../types.ts'
import { checksOf, eventTimeOf, listWindows, summaryOf } from '../windows/store.ts'
import { decideHealth, estimateOf } from './decide.ts'
import { labelCoverage, realisedByWindow } from './store.ts'

const PREDICTION_NAME = 'prediction'

/** All that an endpoint's monitoring page shows, over its newest `limit` windows. */
export async function endpointHealth(
  platform: Platform,
  ports: MonitoringPorts,
  key: EndpointKey,
  limit: number,
): Promise<EndpointHealth> {
  const { db } = platform
  const facts = await ports.endpoint(db, key.workspace, key.endpoint)
  if (!facts) throw EndpointNotMonitored(key.endpoint)
  const { policy } = facts
  const rows = await listWindows(db, key, limit)
  const since = rows.at(-1)?.starts ?? new Date(0)
  const checks = await checksOf(
    db,
    key.workspace,
    rows.map((row) => row.id),
  )
  const watch = await watchOf(db, key, facts.championVersion)
  const stored = await profileOfVersion(db, key, facts.model, facts.championVersion)
  const eventTime = await eventTimeOf(db, key)
  const now = eventTime ?? platform.clock.now()
  const faults = (await listFaults(db, key)).map(faultOf)
  const coverage = await labelCoverage(db, key, since, now, policy.labelDelayDays)
  const performance = performanceOf(watch)
  const judged = rows.filter((row) => row.state === 'judged')
  const byFeature = new Map<string, (typeof checks)[number]>()
  for (const check of checks) {
    const name = `${check.window}:${check.feature}`
    const strongest = byFeature.get(name)
    if (!strongest || check.adjustedPValue < strongest.adjustedPValue) byFeature.set(name, check)
  }
  const marks = [...byFeature.values()].map(({ window, feature, effect, adjustedPValue, alarm, sentence }) => ({
    window,
    feature,
    effect,
    adjustedPValue,
    alarm,
    sentence,
  }))
  const realised = await realisedByWindow(db, key, since)
  const reference = watch?.initial?.reference
  return {
    endpoint: key.endpoint,
    model: facts.model,
    championVersion: facts.championVersion,
    eventTime: eventTime?.toISOString() ?? null,
    ...decideHealth({
      switched: await ports.runtimeSwitch(db, key.workspace, facts.model, facts.championVersion),
      openFaults: faults.filter((fault) => fault.state === 'open'),
      performance,
      judged: judged.map((row) => ({ from: row.starts.toISOString(), alarms: row.alarms })),
    }),
    policy,
    reference: stored && {
      profile: stored.id,
      version: stored.version,
      rows: stored.profile.rows,
      holdoutRows: reference?.n ?? 0,
      adoptedAt: stored.adoptedAt.toISOString(),
      features: stored.profile.features.map((feature) => feature.name),
    },
    windows: rows.map(summaryOf).reverse(),
    heatMap: marks.filter((mark) => mark.feature !== PREDICTION_NAME),
    predictionDrift: marks.filter((mark) => mark.feature === PREDICTION_NAME).map(({ feature: _, ...mark }) => mark),
    realisedLoss: {
      loss: policy.loss,
      reference: reference
        ? estimateOf(reference.n, reference.mean, reference.standardError * Math.sqrt(reference.n))
        : null,
      points: realised.map((row) => ({
        window: row.window,
        from: row.starts.toISOString(),
        to: row.ends.toISOString(),
        version: row.version,
        quarantined: row.quarantined,
        ...estimateOf(row.n, row.mean, row.sd),
      })),
    },
    performance,
    labels: {
      entities: coverage.entities,
      labelled: coverage.labelled,
      overdue: coverage.overdue,
      medianDelayDays: coverage.median_days,
      p90DelayDays: coverage.p90_days,
    },
    faults,
    quarantined: await countQuarantined(db, key),
  }
}

function performanceOf(watch: StoredWatch | null): PerformanceState | null {
  if (!watch) return null
  const { version, state } = watch
  if (!state) {
    return {
      version,
      state: 'not_judged',
      labelled: 0,
      logEvidence: 0,
      logThreshold: 0,
      lossBefore: null,
      lossNow: null,
      increase: null,
      changedAt: null,
      sentence: watch.missing ?? 'No reference losses.',
    }
  }
  const evidence = performanceEvidence(state)
  const rise = evidence.change ?? evidence
  return {
    version,
    state: evidence.alarm ? 'lost' : 'well',
    labelled: evidence.n,
    logEvidence: Math.log(evidence.eValue),
    logThreshold: Math.log(evidence.threshold),
    lossBefore: evidence.referenceMean,
    lossNow: evidence.n > 0 ? lossNow(evidence) : null,
    increase:
      evidence.n > 0 ? { estimate: rise.increase, lower: rise.interval.lower, upper: rise.interval.upper } : null,
    changedAt: evidence.change ? new Date(evidence.change.since).toISOString() : null,
    sentence: describePerformance(version, watch.loss, evidence),
  }
}

/** State, sentence and counts of one endpoint, cheaper than the whole page. */
export async function stateOf(
  db: Queryable,
  ports: MonitoringPorts,
  key: EndpointKey,
  { model, championVersion }: { model: string; championVersion: number },
): Promise<Pick<EndpointHealth, 'state' | 'sentence'> & { openFaults: number }> {
  const faults = (await listFaults(db, key)).map(faultOf).filter((fault) => fault.state === 'open')
  const performance = performanceOf(await watchOf(db, key, championVersion))
  const judged = (await listWindows(db, key, 5))
    .filter((row) => row.state === 'judged')
    .map((row) => ({ from: row.starts.toISOString(), alarms: row.alarms }))
  const switched = await ports.runtimeSwitch(db, key.workspace, model, championVersion)
  return { ...decideHealth({ openFaults: faults, performance, judged, switched }), openFaults: faults.length }
}
