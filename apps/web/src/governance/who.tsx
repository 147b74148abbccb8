import { Link } from '@tanstack/react-router'
import type { EventRecord } from '@tidemark/contracts'

/** Who did it: a person by name, a rule as its part's policy, a pipeline's worker by its run. */
export function Who({ actor }: { readonly actor: EventRecord['actor'] }) {
  if (actor.kind === 'system') return `policy of ${actor.id}`
  const run = /^pipeline-run:(.+)$/.exec(actor.id)?.[1]
  if (!run) return actor.id
  return (
    <Link to="/pipeline-runs/$run" params={{ run }}>
      run {run.slice(0, 13)}
    </Link>
  )
}
