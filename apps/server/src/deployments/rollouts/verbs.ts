import { rolloutResumed } from '@tidemark/contracts'
import type { Actor, Platform, Tx } from '../../platform/index.ts'
import { RolloutNotPaused } from '../errors.ts'
import type { Endpoint } from '../types.ts'
import { type Acts, aboutOf, weightOf } from './act.ts'
import { planOf } from './plan.ts'
import * as store from './store.ts'
import type { Decision, DecisionInput, LiveState, Rollout } from './types.ts'
import { unproven } from './words.ts'

/** What a person may do to a rollout that is under way. */
export type Verb = 'pause' | 'resume' | 'promote' | 'abort'

interface Overruled {
  readonly endpoint: Endpoint
  readonly rollout: Rollout & { state: LiveState }
  /** What the rule would decide on now: kept with the person's act. */
  readonly input: DecisionInput
  readonly verb: Verb
  readonly reason: string
}

/** Writes what a person decided of a rollout, in the caller's transaction, with the evidence of that moment. */
export async function applyVerb(
  tx: Tx,
  { platform, acts }: { platform: Platform; acts: Acts },
  actor: Actor,
  { endpoint, rollout, input, verb, reason }: Overruled,
): Promise<void> {
  const { evidence } = input
  const decided = (decision: Decision) => acts.act(tx, actor, endpoint, rollout, { decision, input: null, evidence })
  switch (verb) {
    case 'pause':
      await decided({ kind: 'pause', reason })
      return
    case 'resume': {
      if (rollout.paused === null) throw RolloutNotPaused(rollout.id)
      const because = actor.because([rollout.lastEvent], rollout.correlation)
      const next = { nextLook: null, nextLookAt: null }
      const decision = { kind: 'resume' as const, reason }
      await acts.record(tx, actor, rollout, { decision, input: null, evidence }, next, weightOf(rollout.state))
      const lastEvent = await platform.events.append(tx, because, rolloutResumed, aboutOf(rollout, reason))
      // What had run out counts anew: else the rule would stop it again at once.
      const anew = evidence.now === null ? null : new Date(evidence.now)
      const times = { stageFrom: anew ?? rollout.stageFrom, limitsFrom: anew ?? rollout.limitsFrom }
      await store.saveRollout(tx, { ...rollout, ...next, ...times, reason, paused: null, lastEvent })
      return
    }
    case 'promote': {
      await decided({ kind: 'promote', version: winnerByHand(input), proof: proofByHand(input), reason })
      return
    }
    case 'abort':
      await decided({ kind: 'roll_back', guardrail: 'person', reason })
  }
}

/** A person may promote what the rule would at the last step, without the time limit's help; then it is proven. */
function proofByHand({ policy, evidence }: DecisionInput) {
  const proven =
    policy.strategy === 'ab'
      ? evidence.contenders.some(({ version, better, proven }) => better && proven && version === bestOf(evidence))
      : unproven(policy, evidence.guardrails).length === 0 && planOf(policy).steps.length > 0
  return proven ? ('non-inferiority proven' as const) : ('promoted without proof' as const)
}

/** Of several versions the best seen so far; null for one alone. */
function winnerByHand({ policy, evidence }: DecisionInput): number | null {
  return policy.strategy === 'ab' ? (bestOf(evidence) ?? null) : null
}

function bestOf({ contenders }: DecisionInput['evidence']): number | undefined {
  return contenders.toSorted((a, b) => (a.difference ?? 0) - (b.difference ?? 0))[0]?.version
}
