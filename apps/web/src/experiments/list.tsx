import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../app/client.ts'
import { Ago, Count, DataTable, Empty, Loaded, Page } from '../ui/index.ts'

export function ExperimentsPage() {
  const experiments = useQuery({
    queryKey: ['experiments', 'list'],
    queryFn: () => client.experiments.listExperiments({ query: {} }),
  })
  return (
    <Page
      title="Experiments"
      sentence="Runs as an unmodified mlflow client logs them, with the data, code and environment they came from."
    >
      <Loaded query={experiments} what="The experiments">
        {(data) =>
          data.experiments.every((experiment) => experiment.runs === 0) ? (
            <Empty title="No run yet" command={`export MLFLOW_TRACKING_URI=${window.location.origin}`}>
              Point an mlflow client here, then log as always.
            </Empty>
          ) : (
            <DataTable
              caption="Experiments"
              rows={data.experiments}
              rowKey={(row) => row.id}
              columns={[
                {
                  id: 'name',
                  header: 'Name',
                  cell: (row) => (
                    <Link to="/experiments/$experiment" params={{ experiment: row.id }}>
                      {row.name}
                    </Link>
                  ),
                },
                { id: 'runs', header: 'Runs', align: 'right', cell: (row) => <Count value={row.runs} /> },
                { id: 'last', header: 'Last run', cell: (row) => (row.lastRunAt ? <Ago at={row.lastRunAt} /> : '—') },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  )
}
