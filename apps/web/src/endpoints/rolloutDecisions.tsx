import { useQuery } from '@tanstack/react-query'
import type { Rollout, RolloutDecision } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { Who } from '../governance/who.tsx'
import { Ago, day, Empty, type Knot, Section, sentence, Thread, type Tone } from '../ui/index.ts'

const TONES: Readonly<Record<RolloutDecision['kind'], Tone>> = {
  hold: 'unknown',
  shift: 'accent',
  promote: 'good',
  roll_back: 'harm',
  pause: 'watch',
  resume: 'accent',
  finish: 'good',
}

const KINDS: Readonly<Record<RolloutDecision['kind'], string>> = {
  hold: 'Hold',
  shift: 'Next step',
  promote: 'Promote',
  roll_back: 'Roll back',
  pause: 'Pause',
  resume: 'Resume',
  finish: 'Finish',
}

/** Every decision with its reason, newest first, and whether the rule gives the same again from what was stored. */
export function Decisions({ rollout }: { readonly rollout: Rollout }) {
  const { decisions } = rollout
  const replay = useQuery({
    queryKey: ['rollout', rollout.id, 'replay', decisions.length],
    queryFn: () => client.deployments.replayRollout({ params: { id: rollout.id } }),
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: false,
  })
  return (
    <Section
      title="Decisions"
      note={`Each was made by a rule from the evidence of its moment. ${replay.data ? replayed(replay.data) : ''}`}
    >
      {decisions.length === 0 ? (
        <Empty title="No decision yet">The first is made when evidence arrives.</Empty>
      ) : (
        <Thread knots={decisions.map(knotOf)} />
      )}
    </Section>
  )
}

function replayed({ same, different }: { readonly same: number; readonly different: number }): string {
  if (same + different === 0) return ''
  return different === 0
    ? `Computed again just now from what was stored, ${same === 1 ? 'it comes' : `all ${same} come`} out the same.`
    : `Computed again just now from what was stored, ${different} of ${same + different} come out otherwise.`
}

function knotOf(decision: RolloutDecision): Knot {
  return {
    key: decision.id,
    tone: TONES[decision.kind],
    head: (
      <>
        <strong>{KINDS[decision.kind]}</strong>
        {decision.weightPercent !== null && <span>{decision.weightPercent} % of callers</span>}
        {decision.eventTime && <span>event time {day(decision.eventTime)}</span>}
        <Ago at={decision.decidedAt} />
        <span>
          <Who actor={decision.by} />
        </span>
      </>
    ),
    text: decision.nextLook
      ? `${sentence(decision.reason)} Next look ${decision.nextLook}.`
      : sentence(decision.reason),
    evidence: decision.evidence,
  }
}
