import type { Metric } from 'prom-client'
import { BUCKETS_SECONDS, type Tallies, type Tally } from './tally.ts'

interface Value {
  readonly metricName?: string
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
}

/**
 * The tallies as Prometheus reads them. Made when they are asked for: a counter of prom-client hashes its labels at each request, which cost more than
 * checking the input.
 */
export function predictionMetrics(tallies: Tallies): Metric[] {
  return [
    metric(
      'tidemark_gateway_predictions_total',
      'Answered requests by the version that answered and whether it failed.',
      'counter',
      () =>
        [...tallies.all()].flatMap((tally) => [
          { value: tally.predicted, labels: { ...labelsOf(tally), outcome: 'predicted' } },
          ...(tally.failed > 0 ? [{ value: tally.failed, labels: { ...labelsOf(tally), outcome: 'failed' } }] : []),
        ]),
    ),
    metric(SECONDS, 'From arrival until the record of the answer was in the log.', 'histogram', () =>
      [...tallies.all()].flatMap(histogramOf),
    ),
  ]
}

const SECONDS = 'tidemark_gateway_prediction_seconds'

/** With the workspace: a series that is there twice is no valid answer to Prometheus. */
function labelsOf({ workspace, endpoint, version }: Tally): Record<'workspace' | 'endpoint' | 'version', string> {
  return { workspace, endpoint, version }
}

function histogramOf(tally: Tally): Value[] {
  let count = 0
  const buckets = tally.buckets.map((answers, place): Value => {
    count += answers
    const le = BUCKETS_SECONDS[place] ?? '+Inf'
    return { metricName: `${SECONDS}_bucket`, value: count, labels: { le, ...labelsOf(tally) } }
  })
  return [
    ...buckets,
    { metricName: `${SECONDS}_sum`, value: tally.totalMs / 1000, labels: labelsOf(tally) },
    { metricName: `${SECONDS}_count`, value: count, labels: labelsOf(tally) },
  ]
}

/** What a registry reads of a metric; its type asks for a class, of which it uses nothing else. */
function metric(name: string, help: string, type: string, values: () => Value[]): Metric {
  const read = {
    name,
    help,
    type,
    aggregator: 'sum',
    get: async () => ({ name, help, type, aggregator: 'sum', values: values() }),
  }
  return read as unknown as Metric
}
