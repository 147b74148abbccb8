import type { ReactNode } from 'react'
import { Evidence } from './evidence.tsx'
import styles from './parts.module.css'
import type { Tone } from './state.tsx'

export interface Knot {
  readonly key: string
  readonly tone: Tone
  readonly head: ReactNode
  readonly text: ReactNode
  readonly evidence?: Readonly<Record<string, unknown>>
}

const MARK: Readonly<Record<Tone, string | undefined>> = {
  good: styles.knotGood,
  watch: styles.knotWatch,
  harm: styles.knotHarm,
  unknown: undefined,
  accent: styles.knotAccent,
  plain: undefined,
}

/** The Why: one vertical thread, newest on top. Each knot says who, when, what, and the numbers it used. */
export function Thread({ knots }: { readonly knots: readonly Knot[] }) {
  return (
    <ol className={styles.thread}>
      {knots.map((knot) => (
        <li className={styles.knot} key={knot.key}>
          <span className={`${styles.knotMark} ${MARK[knot.tone] ?? ''}`} aria-hidden />
          <div className={styles.knotHead}>{knot.head}</div>
          <p className={styles.knotText}>{knot.text}</p>
          {knot.evidence && <Evidence of={knot.evidence} />}
        </li>
      ))}
    </ol>
  )
}
