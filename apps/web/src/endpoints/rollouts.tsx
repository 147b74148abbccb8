import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { EndpointView } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { DataTable, day, Empty, Loaded, Section, StateChip, sentence, trimmed } from '../ui/index.ts'
import { stateOf } from './words.ts'

/** The rollouts of an endpoint, newest first. */
export function Rollouts({ endpoint }: { readonly endpoint: EndpointView }) {
  const rollouts = useQuery({
    queryKey: ['rollouts', endpoint.name],
    queryFn: () => client.deployments.listRollouts({ query: { endpoint: endpoint.name } }),
  })
  return (
    <Section
      title="Rollouts"
      note={`A version reaches callers only here, newest first. ${endpoint.policy.approval === 'person' ? 'A person approves it' : 'It is approved without a person'} once its gates are passed; all tests of one rollout share a false-alarm budget of ${trimmed(endpoint.policy.rollout.alpha * 100)} %.`}
    >
      <Loaded query={rollouts} what="The rollouts" lines={2}>
        {(data) =>
          data.rollouts.length === 0 ? (
            <Empty title="No rollout yet">A candidate that passed its gates and was approved begins one here.</Empty>
          ) : (
            <DataTable
              caption="Rollouts"
              rows={data.rollouts}
              rowKey={(row) => row.id}
              columns={[
                {
                  id: 'version',
                  header: 'Version',
                  cell: (row) => (
                    <Link to="/rollouts/$rollout" params={{ rollout: row.id }}>
                      {`${row.model}/${row.version}`}
                    </Link>
                  ),
                },
                {
                  id: 'state',
                  header: 'State',
                  cell: (row) => <StateChip tone={stateOf(row.state).tone}>{stateOf(row.state).word}</StateChip>,
                },
                { id: 'against', spare: true, header: 'Against', cell: (row) => `version ${row.championVersion}` },
                {
                  id: 'span',
                  header: 'Event time',
                  cell: (row) =>
                    row.eventTimeFrom && row.eventTimeTo ? `${day(row.eventTimeFrom)} to ${day(row.eventTimeTo)}` : '—',
                },
                { id: 'reason', header: 'Last decision', width: 'wide', cell: (row) => sentence(row.reason) },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  )
}
