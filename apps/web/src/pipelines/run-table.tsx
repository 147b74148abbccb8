import { Link } from '@tanstack/react-router'
import type { PipelineRun } from '@tidemark/contracts'
import { Ago, DataTable, duration, StateChip } from '../ui/index.ts'
import { stateTone } from './words.ts'

export function RunTable({ runs }: { readonly runs: readonly PipelineRun[] }) {
  return (
    <DataTable
      caption="Pipeline runs"
      rows={runs}
      rowKey={(row) => row.run}
      columns={[
        {
          id: 'run',
          header: 'Run',
          cell: (row) => (
            <Link to="/pipeline-runs/$run" params={{ run: row.run }}>
              {`${row.pipeline} ${row.run.slice(0, 13)}`}
            </Link>
          ),
        },
        { id: 'state', header: 'State', cell: (row) => <StateChip tone={stateTone(row.state)}>{row.state}</StateChip> },
        {
          id: 'purpose',
          header: 'Purpose',
          cell: (row) => (row.endpoint ? `${row.purpose} for ${row.endpoint}` : row.purpose),
        },
        { id: 'made', header: 'Made', cell: (row) => row.modelVersion ?? '—' },
        {
          id: 'data',
          header: 'Data',
          cell: (row) => row.datasets.map(({ dataset, version }) => `${dataset}/${version}`).join(', ') || '—',
        },
        {
          id: 'took',
          header: 'Took',
          align: 'right',
          cell: (row) => (row.endedAt ? duration((Date.parse(row.endedAt) - Date.parse(row.startedAt)) / 1000) : '…'),
        },
        { id: 'when', header: 'Started', cell: (row) => <Ago at={row.startedAt} /> },
      ]}
    />
  )
}
