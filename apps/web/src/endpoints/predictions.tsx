import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../app/client.ts'
import { Ago, CopyId, DataTable, day, Empty, Loaded, Section, StateChip, trimmed } from '../ui/index.ts'

/** The last answers from the log, each with the way to its lineage. */
export function Predictions({ endpoint }: { readonly endpoint: string }) {
  const predictions = useQuery({
    queryKey: ['predictions', endpoint],
    queryFn: () => client.monitoring.listPredictions({ params: { endpoint }, query: { limit: 10 } }),
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
                { id: 'arrived', spare: true, header: 'Arrived', cell: (row) => <Ago at={row.arrivedAt} /> },
                { id: 'ms', spare: true, header: 'ms', align: 'right', cell: (row) => trimmed(row.milliseconds) },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  )
}
