import { TRAFFIC_STEPS, type Traffic, type TrafficPoint, type TrafficRange } from '@tidemark/contracts'
import type { Queryable } from '../platform/index.ts'
import { addStages, quantilesOf, type StageBins, stageQuantiles } from './decide.ts'
import { type MinuteCounts, minutesBetween } from './store.ts'

const RANGE_SECONDS: Readonly<Record<TrafficRange, number>> = {
  '1h': 3600,
  '6h': 21_600,
  '24h': 86_400,
  '7d': 604_800,
  '14d': 1_209_600,
}

function nothing(): MinuteCounts {
  return { requests: 0, rows: 0, errors: 0, stages: {} }
}

function add(into: MinuteCounts, other: MinuteCounts): void {
  into.requests += other.requests
  into.rows += other.rows
  into.errors += other.errors
  addStages(into.stages, other.stages)
}

/** The traffic of an endpoint over a span of arrivals that ends with the step in which `to` lies. */
export async function trafficOf(
  db: Queryable,
  { workspace, endpoint }: { readonly workspace: string; readonly endpoint: string },
  range: TrafficRange,
  to: Date,
): Promise<Traffic> {
  const stepSeconds = TRAFFIC_STEPS[range]
  const stepMs = stepSeconds * 1000
  const steps = RANGE_SECONDS[range] / stepSeconds
  const end = (Math.floor(to.getTime() / stepMs) + 1) * stepMs
  const begin = end - steps * stepMs
  const minutes = await minutesBetween(db, workspace, endpoint, new Date(begin), new Date(end))
  const sum = nothing()
  const points = Array.from({ length: steps }, nothing)
  const versions = new Map<string, MinuteCounts & { lastAt: Date }>()
  for (const { minute, version, ...counts } of minutes) {
    add(sum, counts)
    const point = points[Math.floor((minute.getTime() - begin) / stepMs)]
    if (point) add(point, counts)
    const own = versions.get(version) ?? { ...nothing(), lastAt: minute }
    add(own, counts)
    own.lastAt = minute
    versions.set(version, own)
  }
  return {
    endpoint,
    from: new Date(begin).toISOString(),
    to: new Date(end).toISOString(),
    stepSeconds,
    ...shown(sum),
    points: points.map(
      (point, index): TrafficPoint => ({ at: new Date(begin + index * stepMs).toISOString(), ...shown(point) }),
    ),
    versions: [...versions]
      .map(([version, { requests, errors, stages, lastAt }]) => ({
        version,
        requests,
        errors,
        total: totalOf(stages),
        lastAt: lastAt.toISOString(),
      }))
      .sort((a, b) => b.requests - a.requests),
  }
}

function shown({ requests, rows, errors, stages }: MinuteCounts) {
  return { requests, rows, errors, stages: stageQuantiles(stages) }
}

function totalOf(stages: StageBins) {
  return stages.total ? quantilesOf(stages.total) : null
}
