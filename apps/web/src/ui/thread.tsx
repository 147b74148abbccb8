import type { ReactNode } from 'react'
import { trimmed } from './format.ts'
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

/** The numbers that a decision used, by name. */
export function Evidence({ of }: { readonly of: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(of).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
  if (entries.length === 0) return null
  return (
    <dl className={styles.evidence}>
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{words(name)}</dt>
          <dd>{typeof value === 'number' ? trimmed(value) : String(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

/** `lossNow` and `loss_now` as "loss now". */
function words(name: string): string {
  return name.replace(/_/g, ' ').replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
}
