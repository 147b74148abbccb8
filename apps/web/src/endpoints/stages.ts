import type { Rollout } from '@tidemark/contracts'

export type Reach = 'done' | 'now' | 'ahead' | 'ended'

export interface WayStage {
  readonly name: string
  readonly needs: string
  /** Event time at which it began; null where that is not known. */
  readonly at: string | null
  readonly reach: Reach
}

type Way = Pick<Rollout, 'strategy' | 'state' | 'steps' | 'decisions' | 'eventTimeFrom'>

/** The way of a rollout by its strategy, from its beginning to its end, and how far it came. */
export function stagesOf(rollout: Way): WayStage[] {
  const { strategy, state, steps, decisions, eventTimeFrom } = rollout
  const shifts = decisions.filter(({ kind }) => kind === 'shift').reverse()
  const timeOf = (kind: 'promote' | 'finish') => decisions.find((each) => each.kind === kind)?.eventTime ?? null
  const stages = [
    strategy === 'ab'
      ? { name: 'A/B', needs: 'versions side by side', at: eventTimeFrom }
      : { name: 'Shadow', needs: 'answers nobody', at: eventTimeFrom },
    ...steps.map((step, index) => ({
      name: `${step.weightPercent} %`,
      needs: `${step.minCallers} callers`,
      at: shifts[index]?.eventTime ?? null,
    })),
    // A shadow alone comes to no caller, unless somebody promotes it.
    strategy === 'shadow' && state.kind !== 'promoted'
      ? { name: 'Observed', needs: 'not worse, or no proof', at: timeOf('finish') }
      : { name: 'All callers', needs: 'promoted', at: timeOf('promote') },
  ]
  const reached = reachedStage(state, shifts.length, stages.length)
  return stages.map((stage, index) => ({ ...stage, reach: reachOf(state, index, reached) }))
}

function reachedStage(state: Rollout['state'], shifts: number, stages: number): number {
  switch (state.kind) {
    case 'queued':
    case 'dropped':
      return -1
    case 'shadow':
    case 'ab':
      return 0
    case 'canary':
      return state.step + 1
    case 'promoted':
    case 'observed':
      return stages - 1
    case 'rolled_back':
      return Math.min(shifts, stages - 2)
  }
}

function reachOf({ kind }: Rollout['state'], index: number, reached: number): Reach {
  if (index > reached) return 'ahead'
  if (index < reached || kind === 'promoted' || kind === 'observed') return 'done'
  return kind === 'rolled_back' ? 'ended' : 'now'
}
