import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../app/client.ts'
import { DataTable, day, Empty, Loaded, Page, StateChip } from '../ui/index.ts'
import { healthTone, healthWord } from './words.ts'

export function MonitoringPage() {
  const overview = useQuery({ queryKey: ['monitoring'], queryFn: () => client.monitoring.overview() })
  return (
    <Page
      title="Monitoring"
      sentence="What changed in the world, what it does to the models, and what was done about it."
    >
      <Loaded query={overview} what="The monitored endpoints">
        {(data) =>
          data.endpoints.length === 0 ? (
            <Empty title="Nothing is monitored yet" command="npm run demo">
              Every endpoint is watched from its first prediction on: inputs, predictions, and loss once labels arrive.
            </Empty>
          ) : (
            <DataTable
              caption="Monitored endpoints"
              rows={data.endpoints}
              rowKey={(row) => row.endpoint}
              columns={[
                {
                  id: 'name',
                  header: 'Endpoint',
                  cell: (row) => (
                    <Link to="/monitoring/$endpoint" params={{ endpoint: row.endpoint }}>
                      {row.endpoint}
                    </Link>
                  ),
                },
                {
                  id: 'state',
                  header: 'State',
                  cell: (row) => <StateChip tone={healthTone(row.state)}>{healthWord(row.state)}</StateChip>,
                },
                { id: 'sentence', header: 'In words', cell: (row) => row.sentence },
                {
                  id: 'windows',
                  header: 'Windows with an alarm',
                  align: 'right',
                  cell: (row) => `${row.alarmedWindows} of ${row.windows}`,
                },
                { id: 'faults', header: 'Open faults', align: 'right', cell: (row) => row.openFaults },
                { id: 'time', header: 'Event time', cell: (row) => (row.eventTime ? day(row.eventTime) : '—') },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  )
}
