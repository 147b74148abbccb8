import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { JsonValue } from '@tidemark/contracts'
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
              rowKey={(row) => `${row.id}:${row.row}`}
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
                { id: 'entity', header: 'About', cell: (row) => row.entity ?? '—' },
                {
                  id: 'answer',
                  header: 'Answer',
                  align: 'right',
                  cell: (row) => (row.error ? <StateChip tone="harm">failed</StateChip> : shown(row.prediction)),
                },
                { id: 'version', header: 'Version', cell: (row) => row.version },
                { id: 'time', header: 'Event time', cell: (row) => day(row.eventTime) },
                { id: 'arrived', spare: true, header: 'Arrived', cell: (row) => <Ago at={row.at} /> },
                { id: 'ms', spare: true, header: 'ms', align: 'right', cell: (row) => trimmed(row.milliseconds) },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  )
}

function shown(value: JsonValue): string {
  if (typeof value === 'number') return trimmed(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}
