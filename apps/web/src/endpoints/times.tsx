import { STAGES } from '@tidemark/contracts'
import { Section, trimmed } from '../ui/index.ts'
import styles from './times.module.css'

/** Where the time of one request went, as bars of a common scale. */
export function Times(props: {
  readonly milliseconds: number
  readonly timings: Readonly<Record<string, number>> | null
}) {
  const timings = props.timings ?? { infer: props.milliseconds }
  const bars = STAGES.flatMap((stage) => (timings[stage] === undefined ? [] : [{ stage, ms: timings[stage] }]))
  const most = Math.max(...bars.map(({ ms }) => ms), 0.001)
  return (
    <Section
      title="Where its time went"
      note={
        props.timings
          ? undefined
          : 'It was logged without the times of its stages: the time in the model alone is known.'
      }
    >
      <dl className={styles.bars}>
        {bars.map(({ stage, ms }) => (
          <div key={stage}>
            <dt>{stage}</dt>
            <dd>
              <span className={styles.bar} style={{ width: `${(100 * ms) / most}%` }} aria-hidden />
              <span className={styles.ms}>{trimmed(ms)} ms</span>
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  )
}
