import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addLoss, type PerformanceWatch, performanceEvidence, startPerformanceWatch } from './performance.ts'
import { shareInterval } from './proportions.ts'
import { seededUniform, type Uniform } from './random.ts'
import {
  addDifference,
  extendMeanSequence,
  type MeanQuestion,
  meanEvidence,
  meanInterval,
  type PairedDifference,
  startMeanSequence,
  startMeanTest,
} from './sequential-mean.ts'

function gaussian(uniform: Uniform): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

/** A film rated around `rating`, predicted by a champion with error sd 1.1 and by a candidate off by `offset` ± 0.3. */
function film(uniform: Uniform, offset: number): PairedDifference {
  const champion = 1.1 * gaussian(uniform)
  const candidate = champion - offset + 0.3 * gaussian(uniform)
  return { difference: Math.abs(candidate) - Math.abs(champion), bound: Math.abs(candidate - champion) }
}

/** Number of films until H0 is rejected at 5 %, or null. */
function firstRejection(question: MeanQuestion, rows: () => PairedDifference, most: number): number | null {
  let state = startMeanTest(question, 1)
  for (let n = 1; n <= most; n += 1) {
    state = addDifference(state, rows())
    if (meanEvidence(state).highestEValue >= 20) return n
  }
  return null
}

function rejections(question: MeanQuestion, rows: (uniform: Uniform) => PairedDifference, most: number, runs: number) {
  const uniform = seededUniform(runs + most)
  const at: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const n = firstRejection(question, () => rows(uniform), most)
    if (n !== null) at.push(n)
  }
  return { found: at.length, median: at.sort((a, b) => a - b)[Math.floor(at.length / 2)] ?? Number.POSITIVE_INFINITY }
}

test('one row moves each stake by the factor 1 + λ·difference', () => {
  const state = addDifference(startMeanTest({ direction: 'above', mean: 0 }, 1), { difference: 0.5, bound: 0.7 })
  const stakes = [0.04, 0.1, 0.2, 0.4, 0.7, 1].map((stake) => 1 + stake * 0.95 * 0.5)
  const expected = stakes.reduce((sum, factor) => sum + factor, 0) / stakes.length
  assert.ok(Math.abs(meanEvidence(state).eValue - expected) < 1e-12)
})

test('looking after each of 300 films at two equal models alarms in at most 5 % of 1,000 runs', () => {
  const fair = (uniform: Uniform): PairedDifference => {
    // Label symmetric between both predictions: the mean difference is exactly 0 whatever the bound.
    const bound = 0.3 * Math.abs(gaussian(uniform))
    return { difference: bound * (uniform() < 0.5 ? -1 : 1) * uniform(), bound }
  }
  const { found } = rejections({ direction: 'above', mean: 0 }, fair, 300, 1_000)
  assert.ok(shareInterval(found, 1_000).lower <= 0.05, `${found}`)
})

test('a candidate worse by exactly the margin is accepted in at most 5 % of 1,000 runs', () => {
  const atMargin = (uniform: Uniform): PairedDifference => {
    const noise = 0.3 * (2 * uniform() - 1)
    return { difference: 0.1 + noise, bound: 0.4 }
  }
  const { found } = rejections({ direction: 'below', mean: 0.1 }, atMargin, 300, 1_000)
  assert.ok(shareInterval(found, 1_000).lower <= 0.05, `${found}`)
  assert.ok(found > 5, `${found}: not needlessly conservative`)
})

test('a candidate that rates 0.7 too low is found within 160 films in at least 85 % of runs', () => {
  const { found, median } = rejections({ direction: 'above', mean: 0 }, (uniform) => film(uniform, 0.7), 160, 300)
  assert.ok(found >= 255, `${found} of 300, median ${median}`)
  assert.ok(median <= 80, `median ${median}`)
})

test('an equal candidate is proven within 0.1 of the champion by 400 films in at least 80 % of runs', () => {
  const equal = (uniform: Uniform): PairedDifference => {
    const bound = 0.3 * Math.abs(gaussian(uniform))
    return { difference: bound * (uniform() < 0.5 ? -1 : 1), bound }
  }
  const { found, median } = rejections({ direction: 'below', mean: 0.1 }, equal, 400, 200)
  assert.ok(found >= 160, `${found} of 200, median ${median}`)
})

test('the confidence sequence covers the true mean at all 150 looks in at least 95 % of runs, and narrows', () => {
  const uniform = seededUniform(21)
  let missed = 0
  let width = 0
  for (let run = 0; run < 150; run += 1) {
    let sequence = startMeanSequence(1)
    let covered = true
    for (let n = 0; n < 150; n += 1) {
      sequence = extendMeanSequence(sequence, { difference: 0.2 + 0.6 * (2 * uniform() - 1), bound: 0.8 })
      const { lower, upper } = meanInterval(sequence)
      if (lower > 0.2 || upper < 0.2) covered = false
    }
    if (!covered) missed += 1
    const { lower, upper } = meanInterval(sequence)
    width += (upper - lower) / 150
  }
  assert.ok(shareInterval(missed, 150).lower <= 0.05, `${missed} of 150`)
  assert.ok(width < 0.35, `mean width ${width}`)
})

test('a test resumed from its JSON goes on as if never stored', () => {
  const uniform = seededUniform(2)
  let state = startMeanTest({ direction: 'above', mean: 0 }, 1)
  let stored = state
  for (let n = 0; n < 20; n += 1) {
    const row = film(uniform, 0.7)
    state = addDifference(state, row)
    stored = addDifference(JSON.parse(JSON.stringify(stored)), row)
  }
  assert.deepEqual(stored, state)
})

test('a difference beyond its bound is refused', () => {
  const start = startMeanTest({ direction: 'above', mean: 0 }, 1)
  assert.throws(() => addDifference(start, { difference: 0.5, bound: 0.4 }), RangeError)
  assert.throws(() => startMeanTest({ direction: 'below', mean: 0 }, 1), RangeError)
})

/** Skewed losses with mean `level`, like absolute errors of ratings. */
function loss(uniform: Uniform, level: number): number {
  return level * Math.sqrt(Math.PI / 2) * Math.abs(gaussian(uniform))
}

function watchRun(
  uniform: Uniform,
  changeAt: number,
  level: number,
  labels: number,
): { at: number | null; watch: PerformanceWatch } {
  let watch = startPerformanceWatch(Array.from({ length: 300 }, () => loss(uniform, 0.9)))
  for (let n = 1; n <= labels; n += 1) {
    watch = addLoss(watch, { loss: loss(uniform, n > changeAt ? level : 0.9), at: n * 1_000 })
    if (performanceEvidence(watch).alarm) return { at: n, watch }
  }
  return { at: null, watch }
}

test('a model that did not change alarms in at most 5 % of 300 lives of 400 labels', () => {
  const uniform = seededUniform(31)
  let alarms = 0
  for (let run = 0; run < 300; run += 1) if (watchRun(uniform, 400, 0.9, 400).at !== null) alarms += 1
  assert.ok(shareInterval(alarms, 300).lower <= 0.05, `${alarms}`)
})

test('a loss up by 40 % after 150 labels is found within 300 more in 90 % of runs, with its start and size', () => {
  const uniform = seededUniform(33)
  const delays: number[] = []
  const starts: number[] = []
  const increases: number[] = []
  for (let run = 0; run < 200; run += 1) {
    const { at, watch } = watchRun(uniform, 150, 1.26, 450)
    const { change } = performanceEvidence(watch)
    if (at === null || change === null) continue
    delays.push(at - 150)
    starts.push(change.firstLabel - 150)
    increases.push(change.increase)
  }
  const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
  assert.ok(delays.length >= 180, `${delays.length} of 200`)
  assert.ok(median(delays) < 150, `median delay ${median(delays)}`)
  assert.ok(Math.abs(median(starts)) < 25, `median error of the start ${median(starts)}`)
  assert.ok(Math.abs(median(increases) - 0.36) < 0.15, `median increase ${median(increases)}`)
})

test('a model that collapses is found within 15 labels', () => {
  const uniform = seededUniform(35)
  const delays = Array.from({ length: 40 }, () => (watchRun(uniform, 100, 4.5, 160).at ?? 160) - 100)
  assert.ok(
    delays.every((delay) => delay > 0 && delay <= 15),
    `${delays}`,
  )
})

test('a watch resumed from its JSON goes on as if never stored, and an absurd label does not end it', () => {
  const uniform = seededUniform(4)
  let watch = startPerformanceWatch(Array.from({ length: 100 }, () => loss(uniform, 0.9)))
  let stored = watch
  for (let n = 0; n < 30; n += 1) {
    const row = { loss: n === 5 ? 1e9 : loss(uniform, 0.9), at: n }
    watch = addLoss(watch, row)
    stored = addLoss(JSON.parse(JSON.stringify(stored)), row)
  }
  assert.deepEqual(stored, watch)
  assert.equal(performanceEvidence(watch).alarm, false)
  assert.throws(() => startPerformanceWatch([1, 2]), RangeError)
})
