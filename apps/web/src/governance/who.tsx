import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { EventRecord } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { useMay, useSession } from '../app/session.ts'

/** Who did it: a person by name, a rule as its part's policy, a pipeline's worker by its run. */
export function Who({ actor }: { readonly actor: EventRecord['actor'] }) {
  const name = useName(actor)
  if (actor.kind === 'system') return `policy of ${actor.id}`
  const run = /^pipeline-run:(.+)$/.exec(actor.id)?.[1]
  if (!run) return <span title={actor.id}>{name}</span>
  return (
    <Link to="/pipeline-runs/$run" params={{ run }}>
      run {run.slice(0, 13)}
    </Link>
  )
}

/** Events hold people's ids alone; whoever may see the members sees their names, others the beginning of the id. */
function useName({ kind, id }: EventRecord['actor']): string {
  const me = useSession().data?.who
  const members = useQuery({
    queryKey: ['members'],
    queryFn: () => client.identity.listMembers(),
    enabled: useMay('identity.read') && kind === 'person' && id !== 'local',
  })
  if (me?.id === id) return me.name
  const member = members.data?.members.find(({ person }) => person === id)
  return member?.name ?? (id.length > 20 ? `${id.slice(0, 13)}…` : id)
}
