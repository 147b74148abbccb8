import { useQuery } from '@tanstack/react-query'
import type { Dataset } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import { type Column, DataTable, Empty, Loaded, Section, sentence } from '../ui/index.ts'

const FIRST = 5

type Row = Awaited<ReturnType<typeof client.data.listQuarantine>>['rows'][number]

/** Rows that the quality gate keeps out, by rule, and the rows themselves by their key. */
export function Quarantine({ dataset }: { readonly dataset: Dataset }) {
  const [all, setAll] = useState(false)
  const quarantine = useQuery({
    queryKey: ['data', dataset.name, 'quarantine'],
    queryFn: () => client.data.listQuarantine({ params: { dataset: dataset.name }, query: { limit: 200 } }),
  })
  return (
    <Section title="Quarantine" note="Rows that the quality gate keeps out of every version, with the reason of each.">
      <Loaded query={quarantine} what="The quarantine" lines={2}>
        {(data) =>
          data.total === 0 ? (
            <Empty title="No row is quarantined">
              A row that breaks a declared rule waits here until somebody releases or discards it.
            </Empty>
          ) : (
            <DataTable
              caption="Quarantined rows"
              rows={all ? data.rows : data.rows.slice(0, FIRST)}
              rowKey={(row) => String(row.id)}
              columns={columnsOf(dataset)}
              footer={
                data.total > FIRST && (
                  <More total={data.total} shown={all ? data.rows.length : FIRST} onAll={() => setAll(true)} />
                )
              }
            />
          )
        }
      </Loaded>
    </Section>
  )
}

function columnsOf({ definition }: Dataset): Column<Row>[] {
  return [
    {
      id: 'row',
      header: definition.key.join(', '),
      cell: (row) => definition.key.map((column) => String(row.row[column] ?? '—')).join(' · '),
    },
    { id: 'reason', header: 'Why it is kept out', width: 'wide', cell: (row) => sentence(row.reason) },
    {
      id: 'rule',
      spare: true,
      header: 'Rule',
      width: 'fit',
      cell: (row) => <span className="tm-mono">{row.rule}</span>,
    },
  ]
}

function More(props: { readonly total: number; readonly shown: number; readonly onAll: () => void }) {
  const rest = props.total - props.shown
  if (rest <= 0) return null
  return (
    <p className="tm-more">
      {props.shown > FIRST ? (
        `and ${rest} more`
      ) : (
        <button type="button" className="tm-link" onClick={props.onAll}>
          Show all {props.total}
        </button>
      )}
    </p>
  )
}
