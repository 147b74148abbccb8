import { Button, NumberInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { Prediction, PredictionExplanation } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import { Empty, Failure, Section, Skeleton, trimmed } from '../ui/index.ts'
import styles from './explanation.module.css'

const BARS = 12

/** Why this answer and not the average one: what each value added to the base. Computed when it is asked for. */
export function Explain({ prediction }: { readonly prediction: Prediction }) {
  const { id, rows } = prediction.answer
  const [row, setRow] = useState<number>()
  const [typed, setTyped] = useState(0)
  const explanation = useQuery({
    queryKey: ['explanation', id, row],
    queryFn: () => client.explanations.explainPrediction({ params: { id }, body: { row: row ?? 0 } }),
    enabled: row !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: false,
    retry: false,
  })
  return (
    <Section
      title="Why this answer"
      note="SHAP values: what each value of the row adds to what the model predicts on average; together they are the answer."
      action={
        <div className={styles.actions}>
          {rows.length > 1 && (
            <NumberInput
              aria-label="Row to explain"
              size="xs"
              w={72}
              min={0}
              max={rows.length - 1}
              value={typed}
              onChange={(value) => setTyped(Number(value))}
            />
          )}
          <Button size="xs" variant="default" loading={explanation.isFetching} onClick={() => setRow(typed)}>
            {rows.length > 1 ? `Explain row ${typed}` : 'Explain'}
          </Button>
        </div>
      }
    >
      {row === undefined ? (
        <Empty title="Not explained yet">
          A Python worker asks the version about variations of the row. It takes seconds, and nothing that serves is
          slowed down.
        </Empty>
      ) : explanation.isError ? (
        <Failure error={explanation.error} what="The explanation" />
      ) : explanation.data ? (
        <Bars explanation={explanation.data} />
      ) : (
        <Skeleton lines={5} height={22} />
      )}
    </Section>
  )
}

interface Bar {
  readonly label: string
  readonly value: string
  readonly from: number
  readonly to: number
}

/** A waterfall from the base to the answer, the strongest contribution first. */
function Bars({ explanation }: { readonly explanation: PredictionExplanation }) {
  const bars = barsOf(explanation)
  const ends = bars.flatMap(({ from, to }) => [from, to])
  const low = Math.min(explanation.base, explanation.prediction, ...ends)
  const high = Math.max(explanation.base, explanation.prediction, ...ends)
  const span = high - low || 1
  const place = (value: number) => `${(100 * (value - low)) / span}%`
  const what =
    explanation.of === 'probability' ? `the probability of ${explanation.output ?? 'the class'}` : 'the prediction'
  return (
    <figure className={styles.figure}>
      <figcaption className={styles.caption}>
        {`From ${trimmed(explanation.base)}, ${what} on average of ${explanation.background} real rows, to ${trimmed(explanation.prediction)} for this one.`}
      </figcaption>
      <table className={styles.bars}>
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Value</th>
            <th scope="col">
              <span className={styles.ends}>
                <span>{trimmed(low)}</span>
                <span>{trimmed(high)}</span>
              </span>
            </th>
            <th scope="col" className={styles.number}>
              Adds
            </th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <td>base</td>
            <td />
            <td className={styles.track}>
              <span className={styles.mark} style={{ left: place(explanation.base) }} />
            </td>
            <td className={styles.number}>{trimmed(explanation.base)}</td>
          </tr>
          {bars.map(({ label, value, from, to }) => (
            <tr key={label}>
              <td>{label}</td>
              <td className={styles.value}>{value}</td>
              <td className={styles.track}>
                <span
                  className={to >= from ? styles.up : styles.down}
                  style={{ left: place(Math.min(from, to)), width: `${(100 * Math.abs(to - from)) / span}%` }}
                />
              </td>
              <td className={styles.number}>{`${to >= from ? '+' : '−'}${trimmed(Math.abs(to - from))}`}</td>
            </tr>
          ))}
          <tr>
            <td>
              <strong>{explanation.of === 'probability' ? 'probability' : 'prediction'}</strong>
            </td>
            <td />
            <td className={styles.track}>
              <span className={styles.mark} style={{ left: place(explanation.prediction) }} />
            </td>
            <td className={styles.number}>
              <strong>{trimmed(explanation.prediction)}</strong>
            </td>
          </tr>
        </tbody>
      </table>
    </figure>
  )
}

function barsOf({ base, contributions }: PredictionExplanation): Bar[] {
  const shown = contributions.slice(0, BARS)
  const rest = contributions.slice(BARS)
  const bars: Bar[] = []
  let at = base
  const add = (label: string, value: string, contribution: number) => {
    bars.push({ label, value, from: at, to: at + contribution })
    at += contribution
  }
  for (const { column, value, contribution } of shown)
    add(
      column || 'input',
      value === null ? 'missing' : typeof value === 'number' ? trimmed(value) : String(value),
      contribution,
    )
  if (rest.length > 0)
    add(
      `${rest.length} others`,
      '',
      rest.reduce((sum, { contribution }) => sum + contribution, 0),
    )
  return bars
}
