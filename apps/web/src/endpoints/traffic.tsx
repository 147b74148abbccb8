import { SegmentedControl } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { STAGES, type Stage, type Traffic, TrafficRange } from '@tidemark/contracts'
import { useState } from 'react'
import { Chart, Columns, DataTable, Empty, Loaded, Section, type Series, shown, trimmed } from '../ui/index.ts'
import { SPANS } from './words.ts'

const QUANTILES = { p50: 'half', p95: '95 %', p99: '99 %' } as const
type Quantile = keyof typeof QUANTILES
const KEYS = Object.keys(QUANTILES) as Quantile[]

/** Requests and latency over time. The span is in the URL. */
export function TrafficCharts(props: { readonly query: UseQueryResult<Traffic>; readonly range: TrafficRange }) {
  const navigate = useNavigate({ from: '/endpoints/$endpoint' })
  return (
    <Section
      title="Traffic"
      note="Counted from the prediction log by the minute of arrival. What a caller did wrong is refused before it, and not in it."
      action={
        <SegmentedControl
          size="xs"
          aria-label="Span"
          data={TrafficRange.options.map((value) => ({ value, label: SPANS[value] }))}
          value={props.range}
          onChange={(range) => void navigate({ search: (old) => ({ ...old, range }), resetScroll: false })}
        />
      }
    >
      <Loaded query={props.query} what="The traffic" lines={4}>
        {(traffic) =>
          traffic.requests === 0 ? (
            <Empty title="No request in this span">
              Ask it with the form below, or look at a longer span. The log keeps what was asked before.
            </Empty>
          ) : (
            <Columns>
              <Chart {...requestsChart(traffic)} />
              <Chart {...latencyChart(traffic)} />
            </Columns>
          )
        }
      </Loaded>
    </Section>
  )
}

/** What the charts of traffic have in common. */
function overTime({ points }: Traffic) {
  return { time: true, fromZero: true, height: 180, x: points.map(({ at }) => Date.parse(at)), xLabel: 'Arrival, UTC' }
}

function requestsChart(traffic: Traffic) {
  const failed: Series[] =
    traffic.errors === 0
      ? []
      : [{ label: 'failed', color: 'series-2', values: traffic.points.map(({ errors }) => errors) }]
  return {
    caption: `Requests in each ${stepWords(traffic.stepSeconds)}${traffic.errors === 0 ? '; none failed' : ' and those that failed'}`,
    ...overTime(traffic),
    yLabel: 'Requests',
    series: [
      { label: 'requests', color: 'champion' as const, values: traffic.points.map(({ requests }) => requests) },
      ...failed,
    ],
  }
}

function latencyChart(traffic: Traffic) {
  const line = (key: Quantile, color: Series['color']): Series => ({
    label: QUANTILES[key],
    color,
    points: true,
    values: traffic.points.map(({ stages }) => stages.total?.[key] ?? null),
  })
  return {
    caption: 'Time of a whole request: half, 95 % and 99 % are answered within',
    ...overTime(traffic),
    yLabel: 'Milliseconds',
    series: [line('p50', 'champion'), line('p95', 'series-1'), line('p99', 'series-2')],
  }
}

function stepWords(seconds: number): string {
  if (seconds === 60) return 'minute'
  return seconds < 3600 ? `${seconds / 60} minutes` : `${seconds / 3600} hours`
}

const STAGE_WORDS: Readonly<Record<Stage, string>> = {
  parse: 'Reading the text of the request',
  validate: 'Checking it against the signature',
  queue: 'Waiting for its turn',
  infer: 'In the model',
  log: 'Writing it to the log',
  total: 'Altogether',
}

const STAGE_COLORS: readonly Series['color'][] = ['series-1', 'series-3', 'series-4', 'candidate', 'series-2']

/** Where the time of requests goes, stage by stage: now, and over time. */
export function LatencySplit({ query }: { readonly query: UseQueryResult<Traffic> }) {
  const [quantile, setQuantile] = useState<Quantile>('p95')
  const traffic = query.data
  if (!traffic || traffic.requests === 0) return null
  const measured = STAGES.filter((stage) => traffic.stages[stage] !== undefined)
  const drawn = measured.filter((stage) => stage !== 'total')
  return (
    <Section
      title="Where the time goes"
      note="Milliseconds within which half, 95 % and 99 % of the requests passed a stage; each within 9 %."
      action={
        <SegmentedControl
          size="xs"
          aria-label="Quantile that is drawn"
          data={KEYS.map((value) => ({ value, label: QUANTILES[value] }))}
          value={quantile}
          onChange={setQuantile}
        />
      }
    >
      <Columns>
        <DataTable
          caption="Time by stage"
          rows={measured}
          rowKey={(stage) => stage}
          columns={[
            { id: 'stage', header: 'Stage', cell: (stage) => STAGE_WORDS[stage] },
            ...KEYS.map((key) => ({
              id: key,
              header: QUANTILES[key],
              align: 'right' as const,
              cell: (stage: Stage) => shown(traffic.stages[stage]?.[key]),
            })),
          ]}
        />
        <Chart
          {...overTime(traffic)}
          caption={`Milliseconds within which ${QUANTILES[quantile]} of the requests pass each stage`}
          yLabel="Milliseconds"
          series={drawn.map((stage, index) => ({
            label: stage,
            color: STAGE_COLORS[index] ?? 'series-1',
            points: true,
            values: traffic.points.map(({ stages }) => stages[stage]?.[quantile] ?? null),
          }))}
        />
      </Columns>
      {!measured.includes('queue') && (
        <p className="tm-more">
          These requests were logged without the times of their stages; {trimmed(traffic.requests)} have the time in the
          model alone.
        </p>
      )}
    </Section>
  )
}
