import { useQuery } from '@tanstack/react-query'
import { client } from '../app/client.ts'
import { DataTable, day, Loaded, Section, StateChip, trimmed } from '../ui/index.ts'

/** Every check of one window, the strongest evidence first. */
export function WindowChecks({ endpoint, window }: { readonly endpoint: string; readonly window: string }) {
  const detail = useQuery({
    queryKey: ['window', window],
    queryFn: () => client.monitoring.getWindow({ params: { endpoint, window } }),
  })
  return (
    <Loaded query={detail} what="The window">
      {(data) => (
        <Section
          title={`Window ${day(data.window.from)} to ${day(data.window.to)}`}
          note={`${data.window.predictions} predictions on ${data.window.entities} things; ${data.checks.length} checks.`}
        >
          <DataTable
            caption="Checks of the window"
            rows={[...data.checks].sort((a, b) => a.adjustedPValue - b.adjustedPValue)}
            rowKey={(row) => `${row.kind}:${row.feature}`}
            columns={[
              { id: 'feature', header: 'Feature', cell: (row) => row.feature },
              { id: 'kind', header: 'Check', cell: (row) => row.kind.replace('_', ' ') },
              {
                id: 'p',
                spare: true,
                header: 'p, adjusted',
                align: 'right',
                cell: (row) => trimmed(row.adjustedPValue),
              },
              {
                id: 'effect',
                header: 'Effect',
                align: 'right',
                cell: (row) => <span title={row.effectName}>{trimmed(row.effect)}</span>,
              },
              {
                id: 'alarm',
                header: 'Decided',
                cell: (row) => (row.alarm ? <StateChip tone="harm">changed</StateChip> : 'no change shown'),
              },
              { id: 'sentence', header: 'In words', cell: (row) => row.sentence },
            ]}
          />
        </Section>
      )}
    </Loaded>
  )
}
