import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import type { EndpointHealth, RetrainingDecision } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import {
  actionClass,
  Chart,
  DataTable,
  day,
  Empty,
  Figures,
  HeatMap,
  type Knot,
  Loaded,
  LoadedPage,
  month,
  Page,
  Section,
  type Series,
  StateChip,
  sentence,
  Thread,
  trimmed,
} from '../ui/index.ts'
import { WindowChecks } from './window.tsx'
import { healthTone, healthWord } from './words.ts'

export function EndpointHealthPage() {
  const { endpoint } = useParams({ from: '/monitoring/$endpoint' })
  const health = useQuery({
    queryKey: ['health', endpoint],
    queryFn: () => client.monitoring.health({ params: { endpoint }, query: {} }),
  })
  return (
    <LoadedPage query={health} what={`The health of ${endpoint}`} crumbs={<Link to="/monitoring">Monitoring</Link>}>
      {(data) => (
        <Page
          title={data.endpoint}
          crumbs={<Link to="/monitoring">Monitoring</Link>}
          state={<StateChip tone={healthTone(data.state)}>{healthWord(data.state)}</StateChip>}
          sentence={data.sentence}
          action={
            <Link to="/endpoints/$endpoint" params={{ endpoint: data.endpoint }} className={actionClass}>
              Endpoint and rollouts
            </Link>
          }
        >
          <Figures items={figures(data)} />
          <Faults health={data} />
          <Loss health={data} />
          <Drift health={data} />
          <Decisions endpoint={data.endpoint} />
        </Page>
      )}
    </LoadedPage>
  )
}

function figures(health: EndpointHealth) {
  const { labels, performance, windows, reference } = health
  const alarmed = windows.filter((window) => window.alarms > 0).length
  return [
    {
      label: 'Champion',
      value: `version ${health.championVersion}`,
      note: reference ? `compared with its ${reference.rows.toLocaleString('en')} training rows` : 'no reference yet',
    },
    {
      label: 'Windows with an alarm',
      value: `${alarmed} of ${windows.length}`,
      note: `at most ${trimmed(health.policy.alpha * 100)} % of healthy windows alarm`,
    },
    {
      label: 'Mean loss now',
      value: performance?.lossNow === null || performance?.lossNow === undefined ? '—' : trimmed(performance.lossNow),
      note:
        performance?.lossBefore === null || performance?.lossBefore === undefined
          ? 'not judged yet'
          : `${trimmed(performance.lossBefore)} on its holdout`,
    },
    {
      label: 'Labels',
      value: labels.entities === 0 ? '—' : `${Math.round((100 * labels.labelled) / labels.entities)} %`,
      note:
        labels.medianDelayDays === null
          ? 'none yet'
          : `half come within ${Math.ceil(labels.medianDelayDays)} days; ${labels.overdue} overdue`,
    },
  ]
}

function Faults({ health }: { readonly health: EndpointHealth }) {
  if (health.faults.length === 0) return null
  return (
    <Section title="Input faults" note="Wrong inputs are quarantined, not learned from: no retraining heals them.">
      <DataTable
        caption="Input faults"
        rows={health.faults}
        rowKey={(row) => row.id}
        columns={[
          { id: 'feature', header: 'Feature', width: 'fit', cell: (row) => row.feature },
          {
            id: 'factor',
            spare: true,
            header: 'Factor',
            align: 'right',
            width: 'fit',
            cell: (row) => `× ${trimmed(row.factor)}`,
          },
          { id: 'since', header: 'Since', width: 'fit', cell: (row) => day(row.since) },
          {
            id: 'until',
            spare: true,
            header: 'Until',
            width: 'fit',
            cell: (row) => (row.until ? day(row.until) : '—'),
          },
          {
            id: 'state',
            header: 'State',
            width: 'fit',
            cell: (row) => <StateChip tone={row.state === 'open' ? 'harm' : 'good'}>{row.state}</StateChip>,
          },
          { id: 'quarantined', spare: true, header: 'Quarantined', align: 'right', cell: (row) => row.quarantined },
          { id: 'sentence', header: 'In words', width: 'wide', cell: (row) => row.sentence },
          {
            id: 'why',
            header: 'Why',
            width: 'fit',
            cell: (row) =>
              row.event && (
                <Link to="/governance/why/$id" params={{ id: row.event }}>
                  Causes
                </Link>
              ),
          },
        ]}
      />
    </Section>
  )
}

function Loss({ health }: { readonly health: EndpointHealth }) {
  const { points, reference, loss } = health.realisedLoss
  const unit = loss === 'absolute_error' ? 'Mean absolute error' : 'Mean squared error'
  const series: Series[] = [
    {
      label: unit,
      color: 'champion',
      points: true,
      values: points.map((point) => (point.n === 0 ? null : point.mean)),
      band: {
        lower: points.map((point) => (point.n === 0 ? null : point.lower)),
        upper: points.map((point) => (point.n === 0 ? null : point.upper)),
      },
    },
  ]
  return (
    <Section
      title="Loss on labelled things"
      note={health.performance ? sentence(health.performance.sentence) : undefined}
    >
      {points.length < 2 ? (
        <Empty title="Not enough labels yet">Loss is drawn when the labels of two windows are there.</Empty>
      ) : (
        <Chart
          caption={`${unit} of each window's things, by the champion of their time, with its 95 % interval`}
          time
          x={points.map((point) => Date.parse(point.from))}
          xLabel="Event time"
          yLabel={unit}
          series={series}
          thresholds={
            reference ? [{ value: reference.mean, label: `holdout of version ${health.championVersion}` }] : []
          }
        />
      )}
    </Section>
  )
}

function Drift({ health }: { readonly health: EndpointHealth }) {
  const navigate = useNavigate()
  const { window } = useSearch({ from: '/monitoring/$endpoint' })
  const windows = health.windows.filter(({ state }) => state === 'judged')
  const features = [...(health.reference?.features ?? []), 'prediction']
  const cells = new Map(health.heatMap.map((cell) => [`${cell.feature}|${cell.window}`, cell]))
  for (const cell of health.predictionDrift) cells.set(`prediction|${cell.window}`, { ...cell, feature: 'prediction' })
  return (
    <Section
      title="Inputs and predictions, window by window"
      note={`All checks of a window share one false-alarm budget of ${trimmed(health.policy.alpha * 100)} %: a mark is a decision, a colour only a size.`}
    >
      {windows.length === 0 ? (
        <Empty title="No window judged yet">
          A window is judged when event time has passed its end and it holds at least {health.policy.minEntities}{' '}
          things.
        </Empty>
      ) : (
        <HeatMap
          caption="Effect by feature and window; pick a window to see its checks"
          rows={features}
          columns={windows.map(({ id, from }) => ({ key: id, label: month(from) }))}
          cell={(feature, id) => cells.get(`${feature}|${id}`)}
          full={1}
          onPick={(id) =>
            void navigate({
              to: '/monitoring/$endpoint',
              params: { endpoint: health.endpoint },
              search: { window: id },
            })
          }
        />
      )}
      {window && <WindowChecks endpoint={health.endpoint} window={window} />}
    </Section>
  )
}

function Decisions({ endpoint }: { readonly endpoint: string }) {
  const decisions = useQuery({
    queryKey: ['decisions', endpoint],
    queryFn: () => client.automation.listDecisions({ params: { endpoint } }),
  })
  return (
    <Section
      title="To retrain, or not"
      note="Decided when performance was lost: does a new training pay, by the owner's own prices?"
    >
      <Loaded query={decisions} what="The decisions" lines={2}>
        {(data) =>
          data.decisions.length === 0 ? (
            <Empty title="No decision was needed">
              Drift alone does not retrain; lost performance is considered here.
            </Empty>
          ) : (
            <Thread knots={data.decisions.map(knotOf)} />
          )
        }
      </Loaded>
    </Section>
  )
}

function knotOf(decision: RetrainingDecision): Knot {
  return {
    key: decision.id,
    tone: decision.verdict === 'retrain' ? 'accent' : 'plain',
    head: (
      <>
        <strong>{decision.verdict === 'retrain' ? 'Retrain' : 'Do not retrain'}</strong>
        <span>event time {day(decision.at)}</span>
        <Link to="/governance/why/$id" params={{ id: decision.event }}>
          Why
        </Link>
      </>
    ),
    text: decision.outcome
      ? `${sentence(decision.sentence)} Outcome: ${sentence(decision.outcome.sentence)}`
      : sentence(decision.sentence),
    evidence: decision.numbers,
  }
}
