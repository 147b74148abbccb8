import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { EndpointView } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import {
  actionClass,
  Command,
  DataTable,
  day,
  Empty,
  Loaded,
  LoadedPage,
  Page,
  Section,
  StateChip,
  sentence,
} from '../ui/index.ts'
import { Predictions } from './predictions.tsx'
import { Traffic } from './traffic.tsx'
import { stateOf } from './words.ts'

export function EndpointPage() {
  const { endpoint: name } = useParams({ from: '/endpoints/$endpoint' })
  const endpoint = useQuery({
    queryKey: ['endpoints', name],
    queryFn: () => client.deployments.getEndpoint({ params: { endpoint: name } }),
  })
  return (
    <LoadedPage query={endpoint} what={`Endpoint ${name}`} crumbs={<Link to="/endpoints">Endpoints</Link>}>
      {(data) => (
        <Page
          title={data.name}
          crumbs={<Link to="/endpoints">Endpoints</Link>}
          state={
            <StateChip tone={data.state === 'serving' ? 'good' : data.state === 'broken' ? 'harm' : 'accent'}>
              {data.state}
            </StateChip>
          }
          sentence={inWords(data)}
          action={
            <Link to="/monitoring/$endpoint" params={{ endpoint: data.name }} className={actionClass}>
              Monitoring
            </Link>
          }
        >
          <Traffic endpoint={data} />
          <Rollouts endpoint={data} />
          <Predictions endpoint={data.name} />
          <Try endpoint={data} />
        </Page>
      )}
    </LoadedPage>
  )
}

function inWords(endpoint: EndpointView): string {
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
                { id: 'against', spare: true, header: 'Against', cell: (row) => `version ${row.championVersion}` },
                {
                  id: 'span',
                  header: 'Event time',
                  cell: (row) =>
                    row.eventTimeFrom && row.eventTimeTo ? `${day(row.eventTimeFrom)} to ${day(row.eventTimeTo)}` : '—',
                },
                { id: 'reason', header: 'Last decision', width: 'wide', cell: (row) => sentence(row.reason) },
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
