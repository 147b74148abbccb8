import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../app/client.ts'
import { DataTable, Empty, Loaded, Page, StateChip } from '../ui/index.ts'
import { stateOf } from './words.ts'

export function EndpointsPage() {
  const endpoints = useQuery({ queryKey: ['endpoints', 'list'], queryFn: () => client.deployments.listEndpoints() })
  return (
    <Page
      title="Endpoints"
      sentence="Names that answer predictions: who serves them, and what is on its way to their callers."
    >
      <Loaded query={endpoints} what="The endpoints">
        {(data) =>
          data.endpoints.length === 0 ? (
            <Empty title="No endpoint yet" command="npm run demo">
              An endpoint serves a registered model version and watches over it. The demo makes one for a film site and
              takes it round its whole life.
            </Empty>
          ) : (
            <DataTable
              caption="Endpoints"
              rows={data.endpoints}
              rowKey={(row) => row.name}
              columns={[
                {
                  id: 'name',
                  header: 'Name',
                  cell: (row) => (
                    <Link to="/endpoints/$endpoint" params={{ endpoint: row.name }}>
                      {row.name}
                    </Link>
                  ),
                },
                {
                  id: 'state',
                  header: 'State',
                  cell: (row) => (
                    <StateChip tone={row.state === 'serving' ? 'good' : row.state === 'broken' ? 'harm' : 'accent'}>
                      {row.state}
                    </StateChip>
                  ),
                },
                { id: 'champion', header: 'Champion', cell: (row) => row.champion },
                {
                  id: 'runtime',
                  header: 'Runs as',
                  cell: (row) =>
                    row.runtime === 'onnx' ? 'ONNX in Node' : row.runtime === 'python' ? 'Python worker' : '—',
                },
                {
                  id: 'rollout',
                  header: 'Rollout',
                  cell: (row) =>
                    row.rollout ? (
                      <Link to="/rollouts/$rollout" params={{ rollout: row.rollout.id }}>
                        <StateChip
                          tone={stateOf(row.rollout.state).tone}
                        >{`version ${row.rollout.version}: ${stateOf(row.rollout.state).word}`}</StateChip>
                      </Link>
                    ) : (
                      'none'
                    ),
                },
                {
                  id: 'replay',
                  header: 'Event time',
                  cell: (row) => (row.replay ? 'from requests (replay)' : 'arrival'),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  )
}
