import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { EventRecord } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { Ago, type Column, Count, DataTable, Empty, Figures, Loaded, Page, Section, StateChip } from '../ui/index.ts'
import { Approvals } from './approvals.tsx'
import { toneOf } from './events.tsx'
import { Who } from './who.tsx'

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
      <Approvals query={approvals} />
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
  { id: 'position', spare: true, header: '#', align: 'right', cell: (row) => row.position },
  { id: 'when', header: 'When', width: 'fit', cell: (row) => <Ago at={row.recordedAt} /> },
  {
    id: 'type',
    header: 'Event',
    width: 'fit',
    cell: (row) => (
      <StateChip tone={toneOf(row.type)}>{row.type.split('.')[1]?.replace(/_/g, ' ') ?? row.type}</StateChip>
    ),
  },
  { id: 'sentence', header: 'What', width: 'wide', cell: (row) => row.sentence },
  {
    id: 'actor',
    spare: true,
    header: 'Who',
    width: 'fit',
    cell: (row) => <Who actor={row.actor} />,
  },
  {
    id: 'why',
    header: 'Why',
    width: 'fit',
    cell: (row) => (
      <Link to="/governance/why/$id" params={{ id: row.id }}>
        {row.causes.length === 0 ? 'Origin' : 'Causes'}
      </Link>
    ),
  },
]
