import { type UseQueryResult, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { Approval } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { Ago, DataTable, Empty, Loaded, ReasonButton, Section, StateChip, type Tone } from '../ui/index.ts'

/** Who approved what, and what waits for a person: approved or refused here, with a reason. */
export function Approvals({ query }: { readonly query: UseQueryResult<{ approvals: Approval[] }> }) {
  return (
    <Section title="Approvals">
      <Loaded query={query} what="The approvals" lines={2}>
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
                  width: 'fit',
                  cell: (row) => (
                    <Link to="/models/$model/$version" params={{ model: row.model, version: String(row.version) }}>
                      {`${row.model}/${row.version}`}
                    </Link>
                  ),
                },
                { id: 'endpoint', header: 'Endpoint', width: 'fit', cell: (row) => row.endpoint },
                { id: 'state', header: 'State', width: 'fit', cell: (row) => <State of={row} /> },
                { id: 'by', spare: true, header: 'By', width: 'fit', cell: (row) => row.by?.id ?? '—' },
                { id: 'reason', header: 'Reason', width: 'wide', cell: (row) => row.reason ?? '—' },
                {
                  id: 'when',
                  spare: true,
                  header: 'When',
                  width: 'fit',
                  cell: (row) => <Ago at={row.decidedAt ?? row.requestedAt} />,
                },
                {
                  id: 'act',
                  header: 'Decide',
                  width: 'fit',
                  cell: (row) =>
                    row.state === 'waiting' ? (
                      <Decide approval={row} />
                    ) : (
                      <Link to="/governance/why/$id" params={{ id: row.id }}>
                        Why
                      </Link>
                    ),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  )
}

function State({ of }: { readonly of: Approval }) {
  const tones: Readonly<Record<Approval['state'], Tone>> = { waiting: 'watch', approved: 'good', refused: 'harm' }
  return (
    <StateChip tone={of.waiver ? 'watch' : tones[of.state]}>
      {of.state}
      {of.waiver ? ' by waiver' : ''}
    </StateChip>
  )
}

function Decide({ approval }: { readonly approval: Approval }) {
  const queries = useQueryClient()
  const act = (decision: 'approve' | 'refuse') => async (reason: string) => {
    await client.governance.decideApproval({ params: { id: approval.id }, body: { decision, reason } })
    await queries.invalidateQueries({ queryKey: ['approvals'] })
  }
  const name = `${approval.model}/${approval.version}`
  return (
    <span style={{ display: 'inline-flex', gap: 8 }}>
      <ReasonButton label="Approve" verb={`Approve ${name}`} tone="main" small act={act('approve')} />
      <ReasonButton label="Refuse" verb={`Refuse ${name}`} tone="danger" small act={act('refuse')} />
    </span>
  )
}
