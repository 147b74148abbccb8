import { Actor, systemActor } from '../platform/index.ts'
import type { Evaluation } from './types.ts'

/** Who asked, acting because of what made them ask: the evaluation may end in another process than it began. */
export function actorOf(
  evaluation: Pick<Evaluation, 'workspace' | 'actorKind' | 'actorId' | 'cause' | 'correlation'>,
): Actor {
  const { workspace, actorKind, actorId, cause, correlation } = evaluation
  const part = systemActor('evaluation', workspace)
  const base = actorKind === 'system' ? part : new Actor({ kind: actorKind, id: actorId, workspace, permissions: [] })
  return cause && correlation ? base.because([cause], correlation) : base
}
