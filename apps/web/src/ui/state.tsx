import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleX,
  IconHelpCircle,
  IconPoint,
  IconProgress,
} from '@tabler/icons-react'
import type { ReactNode } from 'react'
import styles from './parts.module.css'

export type Tone = 'good' | 'watch' | 'harm' | 'unknown' | 'accent' | 'plain'

const ICONS = {
  good: IconCircleCheck,
  watch: IconAlertTriangle,
  harm: IconCircleX,
  unknown: IconHelpCircle,
  accent: IconProgress,
  plain: IconPoint,
} as const

/** A state in a word, with an icon: never by colour alone. `plain` is a fact that is neither good nor bad. */
export function StateChip({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  const Icon = ICONS[tone]
  return (
    <span className={`${styles.chip} ${styles[tone]}`}>
      <Icon size={14} stroke={2.2} aria-hidden />
      {children}
    </span>
  )
}

/** A name given to a thing, such as an alias: neither good nor bad. */
export function Tag({ children }: { readonly children: ReactNode }) {
  return <span className={`${styles.chip} ${styles.accent}`}>{children}</span>
}
