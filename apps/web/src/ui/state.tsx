import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconHelpCircle, IconProgress } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import styles from './parts.module.css'

export type Tone = 'good' | 'watch' | 'harm' | 'unknown' | 'accent'

const ICONS = {
  good: IconCircleCheck,
  watch: IconAlertTriangle,
  harm: IconCircleX,
  unknown: IconHelpCircle,
  accent: IconProgress,
} as const

/** A state in a word, with an icon: never by colour alone. */
export function StateChip({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  const Icon = ICONS[tone]
  return (
    <span className={`${styles.chip} ${styles[tone]}`}>
      <Icon size={14} stroke={2.2} aria-hidden />
      {children}
    </span>
  )
}
