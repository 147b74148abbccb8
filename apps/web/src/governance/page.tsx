import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { EventRecord } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { Ago, type Column, Count, DataTable, Empty, Figures, Loaded, Page, Section, StateChip } from '../ui/index.ts'
import { toneOf } from './events.tsx'

/** The audit: what happened, by whom, whether the record is whole, and what waits for a person. */
export function GovernancePage() {
  const audit = useQuery({ queryKey: ['audit'], queryFn: () => client.governance.verifyAudit() })
  const events = useQuery({
    queryKey: ['events'],
    queryFn: () => client.platform.listEvents({ query: { limit: 200 } }),
  })
  const approvals = useQuery({ queryKey: ['approvals'], queryFn: () => client.governance.listApprovals({ query: {} }) })
  const waivers = useQuery({ queryKey: ['waivers'], queryFn: () => client.governance.listWaivers({ query: {} }) })
  const waiting = approvals.data?.approvals.filter((approval) => approval.state === 'waiting').length ?? 0
  return (
    <Page
      title="Governance"
      state={
        audit.data && (
          <StateChip tone={audit.data.intact ? 'good' : 'harm'}>
            {audit.data.intact ? 'Audit trail intact' : 'Audit trail edited'}
          </StateChip>
        )
      }
      sentence={
        audit.data?.intact === false
          ? `The record does not match its hashes from position ${audit.data.firstBrokenPosition} on.`
          : 'Every change is an event, hashed onto the one before it. Any act here leads to its causes.'
      }
    >
      <Figures
        items={[
          { label: 'Events', value: audit.data ? <Count value={audit.data.events} /> : '…', note: 'in one hash chain' },
          { label: 'Waiting for a person', value: waiting, note: waiting === 0 ? 'nothing to approve' : 'approvals' },
          { label: 'Waivers', value: waivers.data?.waivers.length ?? '…', note: 'gates overruled, with a reason' },
        ]}
      />
      <Section title="Approvals">
        <Loaded query={approvals} what="The approvals" lines={2}>
          {(data) =>
            data.approvals.length === 0 ? (
              <Empty title="No approvals yet">
                A version that passed its gates asks for approval here, before it may be rolled out.
              </Empty>
            ) : (
              <DataTable
                caption="Approvals"
                rows={data.approvals}
                rowKey={(row) => row.id}
                columns={[
                  {
                    id: 'version',
                    header: 'Version',
                    cell: (row) => (
                      <Link
                        to="/governance/why/$id"
                        params={{ id: `${row.model}/${row.version}` }}
                      >{`${row.model}/${row.version}`}</Link>
                    ),
                  },
                  { id: 'endpoint', header: 'Endpoint', cell: (row) => row.endpoint },
                  {
                    id: 'state',
                    header: 'State',
                    cell: (row) => (
                      <StateChip
                        tone={
                          row.state === 'approved'
                            ? row.waiver
                              ? 'watch'
                              : 'good'
                            : row.state === 'waiting'
                              ? 'accent'
                              : 'harm'
                        }
                      >
                        {row.state}
                        {row.waiver ? ' by waiver' : ''}
                      </StateChip>
                    ),
                  },
                  { id: 'by', header: 'By', cell: (row) => row.by?.id ?? '—' },
                  { id: 'reason', header: 'Reason', cell: (row) => row.reason ?? '—' },
                  { id: 'when', header: 'When', cell: (row) => <Ago at={row.decidedAt ?? row.requestedAt} /> },
                ]}
              />
            )
          }
        </Loaded>
      </Section>
      <Section title="Audit trail" note="Newest first.">
        <Loaded query={events} what="The audit trail">
          {(data) =>
            data.events.length === 0 ? (
              <Empty title="Nothing has happened yet">The first dataset, run or model version begins the record.</Empty>
            ) : (
              <DataTable caption="Audit trail" rows={data.events} rowKey={(row) => row.id} columns={EVENT_COLUMNS} />
            )
          }
        </Loaded>
      </Section>
    </Page>
  )
}

const EVENT_COLUMNS: readonly Column<EventRecord>[] = [
  { id: 'position', header: '#', align: 'right', cell: (row) => row.position },
  { id: 'when', header: 'When', cell: (row) => <Ago at={row.recordedAt} /> },
  {
    id: 'type',
    header: 'Event',
    cell: (row) => (
      <StateChip tone={toneOf(row.type)}>{row.type.split('.')[1]?.replace(/_/g, ' ') ?? row.type}</StateChip>
    ),
  },
  { id: 'sentence', header: 'What', cell: (row) => row.sentence },
  {
    id: 'actor',
    header: 'Who',
    cell: (row) => (row.actor.kind === 'system' ? `policy of ${row.actor.id}` : row.actor.id),
  },
  {
    id: 'why',
    header: 'Why',
    cell: (row) => (
      <Link to="/governance/why/$id" params={{ id: row.id }}>
        Causes ({row.causes.length})
      </Link>
    ),
  },
]
