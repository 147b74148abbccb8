import type { Rollout } from '@tidemark/contracts'
import { day } from '../ui/index.ts'
import styles from './rollout.module.css'
import { type Reach, stagesOf } from './stages.ts'

/** The way of a rollout by its strategy; how far it came, and when by event time. */
export function Timeline({ rollout }: { readonly rollout: Rollout }) {
  return (
    <ol className={styles.timeline} aria-label="The way of the rollout">
      {stagesOf(rollout).map(({ name, needs, at, reach }) => (
        <li key={name} data-reach={reach} {...(reach === 'now' ? { 'aria-current': 'step' as const } : {})}>
          <strong>{name}</strong>
          <span>{reach === 'ahead' ? needs : at ? `from ${day(at)}` : WORDS[reach]}</span>
        </li>
      ))}
    </ol>
  )
}

const WORDS: Readonly<Record<Reach, string>> = { done: 'done', now: 'now', ahead: 'ahead', ended: 'ended here' }
