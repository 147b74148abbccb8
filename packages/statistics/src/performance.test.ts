import assert from 'node:assert/strict'
import { test } from 'node:test'
import { studentQuantile } from './distributions.ts'
import { meanAndError } from './paired.ts'
import { addLoss, performanceEvidence, startPerformanceWatch } from './performance.ts'
import { shareInterval } from './proportions.ts'
import { seededUniform, type Uniform } from './random.ts'

const ALPHA = 0.05
/** Lives simulated, losses of the holdout, labels of a life, and the label after which the loss rises. */
const LIVES = 100
const HOLDOUT = 300
const LABELS = 1_150
const CHANGE = 150

/** Half-normal losses, as absolute errors are, with this mean. */
function loss(uniform: Uniform, mean: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return mean * Math.sqrt(Math.PI / 2) * Math.abs(normal)
}

interface Life {
  readonly holdout: readonly number[]
  readonly labels: readonly number[]
}

/** A life whose mean loss is multiplied by `rise` after `CHANGE` labels. */
function life(uniform: Uniform, rise: number): Life {
  return {
    holdout: Array.from({ length: HOLDOUT }, () => loss(uniform, 1)),
    labels: Array.from({ length: LABELS }, (_, index) => loss(uniform, index < CHANGE ? 1 : rise)),
  }
}

/** The label at which the watch alarms; null when it never does. */
function byRanks({ holdout, labels }: Life): number | null {
  let watch = startPerformanceWatch(holdout, { alpha: ALPHA })
  for (const [index, each] of labels.entries()) {
    watch = addLoss(watch, { loss: each, at: index })
    if (performanceEvidence(watch).alarm) return index + 1
  }
  return null
}

/**
 * The alternative that docs/adr/0008 weighs: bets that the mean loss exceeds the upper bound of the holdout's mean (a quarter of alpha goes
 * into the bound), from many starting points as the watch does.
 */
function byMean({ holdout, labels }: Life): number | null {
  const stakes = [0.08, 0.2, 0.45, 0.9]
  const cap = 1.5 * Math.max(...holdout)
  const { mean, standardError } = meanAndError(holdout)
  const bound = mean + studentQuantile(1 - ALPHA / 4, holdout.length - 1) * standardError
  const started = (label: number) => label / (label + 60)
  let wealth = stakes.map(() => 0)
  for (const [index, each] of labels.entries()) {
    const fresh = (started(index + 1) - started(index)) / stakes.length
    const excess = Math.min(each, cap) / bound - 1
    wealth = wealth.map((money, bet) => (money + fresh) * (1 + (stakes[bet] ?? 0) * excess))
    const evidence = wealth.reduce((sum, money) => sum + money, 1 - started(index + 1))
    if (evidence >= 1 / (0.75 * ALPHA)) return index + 1
  }
  return null
}

function measured(rise: number, alarmOf: (life: Life) => number | null) {
  const uniform = seededUniform(7)
  const alarms = Array.from({ length: LIVES }, () => alarmOf(life(uniform, rise)))
  const found = alarms.filter((at) => at !== null && at > CHANGE).map((at) => (at ?? 0) - CHANGE)
  return {
    alarms: alarms.filter((at) => at !== null).length,
    found: found.length,
    median: found.sort((a, b) => a - b)[Math.floor(found.length / 2)] ?? null,
  }
}

test('without a change at most 5 % of lives of 1,150 labels alarm, by ranks as by the mean', (t) => {
  for (const [name, alarmOf] of Object.entries({ byRanks, byMean })) {
    const { alarms } = measured(1, alarmOf)
    t.diagnostic(`${name}: ${alarms} of ${LIVES}`)
    assert.ok(shareInterval(alarms, LIVES).lower <= ALPHA, `${name}: ${alarms}`)
  }
})

test('ranks find small rises more often than the mean does, and every rise in about half the labels', (t) => {
  const rises = [1.1, 1.2, 1.4, 2].map((rise) => ({
    rise,
    ranks: measured(rise, byRanks),
    mean: measured(rise, byMean),
  }))
  for (const { rise, ranks, mean } of rises) {
    const said = ({ found, median }: typeof ranks) => `${found} of ${LIVES}, median ${median}`
    t.diagnostic(`rise by ${Math.round(100 * (rise - 1))} %: ranks ${said(ranks)}; mean ${said(mean)}`)
  }
  const [ten, twenty, ...larger] = rises
  assert.ok(ten && twenty)
  assert.ok(ten.ranks.found >= 2 * ten.mean.found, `${ten.ranks.found} and ${ten.mean.found}`)
  assert.ok(twenty.ranks.found >= 75 && twenty.ranks.found > twenty.mean.found, `${twenty.ranks.found}`)
  for (const { ranks } of larger) assert.ok(ranks.found >= 95, `${ranks.found}`)
  for (const { ranks, mean } of [twenty, ...larger]) {
    assert.ok((ranks.median ?? LABELS) < 0.65 * (mean.median ?? LABELS), `${ranks.median} and ${mean.median}`)
  }
})
