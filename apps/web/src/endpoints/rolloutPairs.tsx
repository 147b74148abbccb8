import { useQuery } from '@tanstack/react-query'
import type { Rollout, RolloutDistribution } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { Columns, DataTable, day, Empty, Loaded, Section, trimmed } from '../ui/index.ts'
import styles from './rolloutPairs.module.css'
import { answerText, disagreementSentence, distributionSentence } from './words.ts'

const PAIRS = 12

/** How the two versions answer the same things: their distributions over each other, and where they disagree most. */
export function Disagreement({ rollout }: { readonly rollout: Rollout }) {
  const pairs = useQuery({
    queryKey: ['rollout', rollout.id, 'pairs'],
    queryFn: () => client.deployments.rolloutPairs({ params: { id: rollout.id }, query: { limit: PAIRS } }),
  })
  return (
    <Section
      title="The same things, by both versions"
      note="Each thing counts once: the first time that both predicted it, one of them off the request path."
    >
      <Observations rollout={rollout} />
      <Loaded query={pairs} what="The pairs" lines={4}>
        {(data) =>
          data.pairs.length === 0 ? (
            <Empty title="No thing was predicted by both yet">They come with the first requests of the shadow.</Empty>
          ) : (
            <Columns>
              <div className={styles.distributions}>
                {data.distributions.map((each) => (
                  <Distribution key={each.version} of={each} champion={`version ${rollout.championVersion}`} />
                ))}
                {data.distributions.length === 0 && (
                  <Empty title="No distribution to draw">The answers are no numbers, or all the same one.</Empty>
                )}
              </div>
              <DataTable
                caption="Largest disagreements"
                rows={data.pairs}
                rowKey={({ entity, version }) => `${version}:${entity}`}
                columns={[
                  { id: 'entity', header: 'About', cell: ({ entity }) => entity },
                  {
                    id: 'champion',
                    header: `Version ${rollout.championVersion}`,
                    align: 'right',
                    cell: ({ champion }) => (champion === null ? 'failed' : answerText(champion)),
                  },
                  {
                    id: 'candidate',
                    header: `Version ${rollout.version}`,
                    align: 'right',
                    cell: ({ candidate }) => (candidate === null ? 'failed' : answerText(candidate)),
                  },
                  {
                    id: 'difference',
                    header: 'Apart',
                    align: 'right',
                    cell: ({ difference }) => (difference === null ? '—' : trimmed(difference)),
                  },
                  {
                    id: 'label',
                    header: 'Came true',
                    align: 'right',
                    cell: ({ label }) => (label === null ? '—' : trimmed(label)),
                  },
                  {
                    id: 'time',
                    header: 'Event time',
                    spare: true,
                    width: 'fit',
                    cell: ({ eventTime }) => day(eventTime),
                  },
                ]}
              />
            </Columns>
          )
        }
      </Loaded>
    </Section>
  )
}

/** How often the versions differ, and whether their predictions are distributed otherwise: a sentence each, for each version on trial. */
function Observations({ rollout }: { readonly rollout: Rollout }) {
  const seen = rollout.observed.filter(({ disagreement }) => disagreement.things > 0)
  return seen.map((observed) => (
    <p key={observed.version} className={styles.observed}>
      {disagreementSentence(observed, rollout.championVersion)} {distributionSentence(observed)}
    </p>
  ))
}

const WIDTH = 560
const HEIGHT = 180
const FOOT = 20

/** Two histograms over one axis: the champion filled light, the candidate as a line. */
function Distribution({ of, champion }: { readonly of: RolloutDistribution; readonly champion: string }) {
  const most = Math.max(1, ...of.champion, ...of.candidate)
  const step = WIDTH / of.champion.length
  const y = (count: number) => HEIGHT - ((HEIGHT - 6) * count) / most
  const things = of.champion.reduce((sum, count) => sum + count, 0)
  const bars = of.champion
    .map((count, bin) => `M${bin * step + 0.5},${HEIGHT}V${y(count)}h${step - 1}V${HEIGHT}Z`)
    .join('')
  const outline = of.candidate
    .map((count, bin) => `${bin === 0 ? 'M' : 'L'}${bin * step},${y(count)}L${(bin + 1) * step},${y(count)}`)
    .join('')
  return (
    <figure className={styles.figure}>
      <figcaption className={styles.caption}>
        {`Predictions of ${things.toLocaleString('en')} things: ${champion} filled, ${of.version} as a line`}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT + FOOT}`}
        className={styles.plot}
        role="img"
        aria-label={inWords(of, champion)}
      >
        <path d={bars} className={styles.champion} />
        <path d={outline} className={styles.candidate} />
        <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className={styles.axis} />
        {[0, 0.5, 1].map((share) => (
          <text
            key={share}
            x={share * WIDTH}
            y={HEIGHT + 15}
            textAnchor={share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}
            className={styles.tick}
          >
            {trimmed(of.from + share * (of.to - of.from))}
          </text>
        ))}
      </svg>
    </figure>
  )
}

function inWords(of: RolloutDistribution, champion: string): string {
  const width = (of.to - of.from) / of.champion.length
  const middle = (counts: readonly number[]) => {
    const half = counts.reduce((sum, count) => sum + count, 0) / 2
    let seen = 0
    const bin = counts.findIndex((count) => {
      seen += count
      return seen >= half
    })
    return trimmed(of.from + (bin + 0.5) * width)
  }
  return `Histogram from ${trimmed(of.from)} to ${trimmed(of.to)}: half of the predictions of ${champion} are below about ${middle(of.champion)}, of ${of.version} below about ${middle(of.candidate)}`
}
