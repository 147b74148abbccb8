import type { ReplayedDecision } from '@tidemark/contracts'
import { decide } from './decide.ts'
import { readInput } from './input.ts'
import type { StoredDecision } from './store.ts'

/** Computes stored decisions again from the input that is stored with each, oldest first. Pure: the same storage gives the same answer. */
export function replayed(decisions: readonly StoredDecision[]): ReplayedDecision[] {
  return decisions.toReversed().map(({ id, kind, reason, input }) => {
    if (input === null) return { id, kind, reason, outcome: 'by a person', again: null }
    const { kind: kindAgain, reason: reasonAgain } = decide(readInput(input))
    const same = kindAgain === kind && reasonAgain === reason
    return { id, kind, reason, outcome: same ? 'same' : 'different', again: { kind: kindAgain, reason: reasonAgain } }
  })
}
