import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../app/client.ts'
import { Ago, DataTable, Empty, Loaded, Page, Section, StateChip } from '../ui/index.ts'
import { RunTable } from './run-table.tsx'
import { stateTone } from './words.ts'

export function PipelinesPage() {
  const pipelines = useQuery({ queryKey: ['pipelines', 'list'], queryFn: () => client.pipelines.listPipelines() })
  const runs = useQuery({
    queryKey: ['pipeline-runs'],
    queryFn: () => client.pipelines.listRuns({ query: { limit: 50 } }),
  })
  return (
    <Page
      title="Pipelines"
      sentence="Training as reusable steps: cached by content, retried, and resumed after a crash."
    >
      <Loaded query={pipelines} what="The pipelines">
        {(data) =>
          data.pipelines.length === 0 ? (
            <Empty title="No pipeline yet" command="./tidemark pipelines apply examples/films">
              A folder with a pipeline.yaml and its Python steps becomes a pipeline.
            </Empty>
          ) : (
            <DataTable
              caption="Pipelines"
              rows={data.pipelines}
              rowKey={(row) => row.name}
              columns={[
                { id: 'name', header: 'Name', cell: (row) => row.name },
                { id: 'version', header: 'Version', align: 'right', cell: (row) => row.latest.version },
                {
                  id: 'steps',
                  header: 'Steps',
                  cell: (row) => row.latest.definition.steps.map(({ name }) => name).join(' → '),
                },
                { id: 'runs', header: 'Runs', align: 'right', cell: (row) => row.runs },
                {
                  id: 'last',
                  header: 'Last run',
                  cell: (row) =>
                    row.lastRun ? (
                      <Link to="/pipeline-runs/$run" params={{ run: row.lastRun.run }}>
                        <StateChip tone={stateTone(row.lastRun.state)}>{row.lastRun.state}</StateChip>
                      </Link>
                    ) : (
                      'never'
                    ),
                },
                { id: 'when', header: 'Applied', cell: (row) => <Ago at={row.latest.createdAt} /> },
              ]}
            />
          )
        }
      </Loaded>
      <Section title="Runs">
        <Loaded query={runs} what="The runs">
          {(data) =>
            data.runs.length === 0 ? (
              <Empty title="No run yet">A run starts by hand, or when lost performance makes a retraining pay.</Empty>
            ) : (
              <RunTable runs={data.runs} />
            )
          }
        </Loaded>
      </Section>
    </Page>
  )
}
