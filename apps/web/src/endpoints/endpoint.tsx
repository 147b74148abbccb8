import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { EndpointView } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import {
  Ago,
  Command,
  CopyId,
  Count,
  DataTable,
  day,
  Empty,
  Figures,
  Loaded,
  Page,
  Section,
  StateChip,
  trimmed,
} from '../ui/index.ts'
import { stateOf } from './words.ts'

export function EndpointPage() {
  const { endpoint: name } = useParams({ from: '/endpoints/$endpoint' })
  const endpoint = useQuery({
    queryKey: ['endpoints', name],
    queryFn: () => client.deployments.getEndpoint({ params: { endpoint: name } }),
  })
  return (
    <Loaded query={endpoint} what={`Endpoint ${name}`}>
      {(data) => (
        <Page
          title={data.name}
          crumbs={<Link to="/endpoints">Endpoints</Link>}
          state={
            <StateChip tone={data.state === 'serving' ? 'good' : data.state === 'broken' ? 'harm' : 'accent'}>
              {data.state}
            </StateChip>
          }
          sentence={sentence(data)}
        >
          <Traffic endpoint={data} />
          <Rollouts endpoint={data} />
          <Predictions endpoint={data.name} />
          <Try endpoint={data} />
        </Page>
      )}
    </Loaded>
  )
}

function sentence(endpoint: EndpointView): string {
  if (endpoint.problem) return endpoint.problem
  const where =
    endpoint.runtime === 'onnx'
      ? 'as ONNX in the gateway'
      : endpoint.runtime === 'python'
        ? 'in a Python worker'
        : 'soon'
  return endpoint.rollout
    ? `${endpoint.champion} serves ${where}; version ${endpoint.rollout.version} is on its way (${stateOf(endpoint.rollout.state).word}).`
    : `${endpoint.champion} serves all callers ${where}.`
}

function Traffic({ endpoint }: { readonly endpoint: EndpointView }) {
  const windows = useQuery({
    queryKey: ['windows', endpoint.name],
    queryFn: () => client.monitoring.listWindows({ params: { endpoint: endpoint.name }, query: { limit: 1000 } }),
  })
  const total = windows.data?.windows.reduce((sum, window) => sum + window.predictions, 0)
  const errors = windows.data?.windows.reduce((sum, window) => sum + window.errors, 0)
  const { gates, rollout, monitoring } = endpoint.policy
  return (
    <Figures
      items={[
        {
          label: 'Predictions',
          value: total === undefined ? '…' : <Count value={total} />,
          note: `in ${windows.data?.windows.length ?? '…'} windows of a ${monitoring.window}`,
        },
        {
          label: 'Failed answers',
          value: errors === undefined ? '…' : <Count value={errors} />,
          note: "the version's own, not callers' mistakes",
        },
        {
          label: 'Champion',
          value: endpoint.champion,
          note: endpoint.runtime === 'onnx' ? 'ONNX, parity checked' : 'Python worker',
        },
        {
          label: 'Approval',
          value: endpoint.policy.approval,
          note: `gates at ${trimmed(gates.alpha * 100)} %, rollout at ${trimmed(rollout.alpha * 100)} %`,
        },
      ]}
    />
  )
}

function Rollouts({ endpoint }: { readonly endpoint: EndpointView }) {
  const rollouts = useQuery({
    queryKey: ['rollouts', endpoint.name],
    queryFn: () => client.deployments.listRollouts({ query: { endpoint: endpoint.name } }),
  })
  return (
    <Section
      title="Rollouts"
      note="Newest first. A version reaches callers only here: shadow, then canary steps, then all, or back."
    >
      <Loaded query={rollouts} what="The rollouts" lines={2}>
        {(data) =>
          data.rollouts.length === 0 ? (
            <Empty title="No rollout yet">A candidate that passed its gates and was approved begins one here.</Empty>
          ) : (
            <DataTable
              caption="Rollouts"
              rows={data.rollouts}
              rowKey={(row) => row.id}
              columns={[
                {
                  id: 'version',
                  header: 'Version',
                  cell: (row) => (
                    <Link to="/rollouts/$rollout" params={{ rollout: row.id }}>
                      {`${row.model}/${row.version}`}
                    </Link>
                  ),
                },
                {
                  id: 'state',
                  header: 'State',
                  cell: (row) => <StateChip tone={stateOf(row.state).tone}>{stateOf(row.state).word}</StateChip>,
                },
                { id: 'against', header: 'Against', cell: (row) => `version ${row.championVersion}` },
                {
                  id: 'span',
                  header: 'Event time',
                  cell: (row) =>
                    row.eventTimeFrom && row.eventTimeTo ? `${day(row.eventTimeFrom)} to ${day(row.eventTimeTo)}` : '—',
                },
                { id: 'reason', header: 'Last decision', cell: (row) => row.reason },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  )
}

function Predictions({ endpoint }: { readonly endpoint: string }) {
  const predictions = useQuery({
    queryKey: ['predictions', endpoint],
    queryFn: () => client.monitoring.listPredictions({ params: { endpoint }, query: { limit: 20 } }),
  })
  return (
    <Section
      title="Latest predictions"
      note="From the log. Each leads to its model version, run, commit, data and approval."
    >
      <Loaded query={predictions} what="The predictions" lines={3}>
        {(data) =>
          data.predictions.length === 0 ? (
            <Empty title="No prediction yet">Send one with the command below.</Empty>
          ) : (
            <DataTable
              caption="Latest predictions"
              rows={data.predictions}
              rowKey={(row) => row.id}
              columns={[
                {
                  id: 'id',
                  header: 'Prediction',
                  cell: (row) => <CopyId id={row.id} length={13} />,
                },
                {
                  id: 'why',
                  header: 'Lineage',
                  cell: (row) => (
                    <Link to="/governance/why/$id" params={{ id: row.id }}>
                      Why
                    </Link>
                  ),
                },
                { id: 'entity', header: 'About', cell: (row) => row.entities.filter(Boolean).join(', ') || '—' },
                {
                  id: 'answer',
                  header: 'Answer',
                  align: 'right',
                  cell: (row) =>
                    row.error ? (
                      <StateChip tone="harm">failed</StateChip>
                    ) : (
                      (row.predictions ?? [])
                        .map((value) => (typeof value === 'number' ? trimmed(value) : String(value)))
                        .join(', ')
                    ),
                },
                { id: 'version', header: 'Version', cell: (row) => row.version },
                { id: 'time', header: 'Event time', cell: (row) => day(row.eventTime) },
                { id: 'arrived', header: 'Arrived', cell: (row) => <Ago at={row.arrivedAt} /> },
                { id: 'ms', header: 'ms', align: 'right', cell: (row) => trimmed(row.milliseconds) },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  )
}

function Try({ endpoint }: { readonly endpoint: EndpointView }) {
  const row = Object.fromEntries(
    endpoint.columns.map(({ name, type }) => [name, type === 'string' ? 'text' : type === 'boolean' ? true : 1]),
  )
  const body = JSON.stringify({ dataframe_records: [row] })
  return (
    <Section title="Ask it" note="MLflow's scoring protocol; the same body works with any client of it.">
      <Command text={`curl -s ${endpoint.url} \\\n  -H 'content-type: application/json' \\\n  -d '${body}'`} />
    </Section>
  )
}
