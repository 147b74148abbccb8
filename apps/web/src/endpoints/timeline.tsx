import type { Rollout } from '@tidemark/contracts'
import { day } from '../ui/index.ts'
import styles from './rollout.module.css'

type Reach = 'done' | 'now' | 'ahead' | 'ended'

interface Stage {
  readonly name: string
  readonly needs: string
  readonly at: string | null
}

/** The way of a rollout: shadow, the canary's steps, all callers; how far it came, and when by event time. */
export function Timeline({ rollout }: { readonly rollout: Rollout }) {
  const shifts = rollout.decisions.filter(({ kind }) => kind === 'shift').reverse()
  const promoted = rollout.decisions.find(({ kind }) => kind === 'promote')
  const stages: Stage[] = [
    { name: 'Shadow', needs: 'answers nobody', at: rollout.eventTimeFrom },
    ...rollout.steps.map((step, index) => ({
      name: `${step.weightPercent} %`,
      needs: `${step.minCallers} callers`,
      at: shifts[index]?.eventTime ?? null,
    })),
    { name: 'All callers', needs: 'promoted', at: promoted?.eventTime ?? null },
  ]
  const reached = reachedStage(rollout, shifts.length, stages.length)
  return (
    <ol className={styles.timeline} aria-label="The way of the rollout">
      {stages.map((stage, index) => {
        const reach = reachOf(rollout, index, reached, stages.length)
        return (
          <li key={stage.name} data-reach={reach} {...(reach === 'now' ? { 'aria-current': 'step' as const } : {})}>
            <strong>{stage.name}</strong>
            <span>{index <= reached ? (stage.at ? `from ${day(stage.at)}` : WORDS[reach]) : stage.needs}</span>
          </li>
        )
      })}
    </ol>
  )
}

const WORDS: Readonly<Record<Reach, string>> = { done: 'done', now: 'now', ahead: 'ahead', ended: 'ended here' }

function reachedStage({ state }: Rollout, shifts: number, stages: number): number {
  switch (state.kind) {
    case 'queued':
    case 'dropped':
      return -1
    case 'shadow':
      return 0
    case 'canary':
      return state.step + 1
    case 'ab':
    case 'observed':
      return 0
    case 'promoted':
      return stages - 1
    case 'rolled_back':
      return Math.min(shifts, stages - 2)
  }
}

function reachOf({ state }: Rollout, index: number, reached: number, stages: number): Reach {
  if (index > reached) return 'ahead'
  if (index < reached || state.kind === 'promoted') return 'done'
  return state.kind === 'rolled_back' && reached < stages ? 'ended' : 'now'
}
