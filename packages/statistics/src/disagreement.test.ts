import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addPredictedPair, distributionEvidence, type PredictedPair, startDistributionTest } from './disagreement.ts'
import { shareInterval } from './proportions.ts'
import { seededUniform, type Uniform } from './random.ts'

const genres = ['drama', 'comedy', 'action', 'horror']

function drawn(uniform: Uniform, shares: readonly number[]): string {
  let rest = uniform()
  for (const [index, share] of shares.entries()) {
    rest -= share
    if (rest < 0) return genres[index] ?? 'drama'
  }
  return 'horror'
}

/** Pairs until the distributions are told apart at 5 %, or null. */
function pairsUntilTold(draw: () => PredictedPair, most: number, cuts: number[] | null = null): number | null {
  let state = startDistributionTest(cuts)
  for (let n = 1; n <= most; n += 1) {
    state = addPredictedPair(state, draw())
    if (distributionEvidence(state).pValue <= 0.05) return n
  }
  return null
}

test('the first bet is fair, the next goes by what was learnt, equal predictions bet nothing', () => {
  let state = addPredictedPair(startDistributionTest(), { champion: 'drama', candidate: 'comedy' })
  assert.equal(distributionEvidence(state).eValue, 1)
  state = addPredictedPair(state, { champion: 'drama', candidate: 'drama' })
  assert.equal(distributionEvidence(state).eValue, 1)
  state = addPredictedPair(state, { champion: 'drama', candidate: 'comedy' })
  // Scores before: comedy (1 − 0)/(1 + 4), drama (1 − 2)/(3 + 4).
  const gain = (1 / 5 + 1 / 7) / 2
  const expected = [0.1, 0.3, 0.6, 0.95].reduce((sum, stake) => sum + (1 + stake * gain) / 4, 0)
  assert.ok(Math.abs(distributionEvidence(state).eValue - expected) < 1e-12)
  assert.ok(Math.abs(distributionEvidence(state).distance - 2 / 3) < 1e-12)
})

test('versions that disagree on most things but share one distribution are told apart in at most 5 % of 400 runs', () => {
  const uniform = seededUniform(21)
  const shares = [0.5, 0.3, 0.15, 0.05]
  const independent = () => ({ champion: drawn(uniform, shares), candidate: drawn(uniform, shares) })
  let wrong = 0
  for (let run = 0; run < 400; run += 1) if (pairsUntilTold(independent, 400) !== null) wrong += 1
  assert.ok(shareInterval(wrong, 400).lower <= 0.05, `${wrong} of 400`)
})

test('margins alike in a table that is not symmetric are told apart in at most 5 % of 400 runs', () => {
  const uniform = seededUniform(23)
  const cycle = () => {
    const at = Math.floor(3 * uniform())
    return { champion: genres[at] ?? '', candidate: genres[(at + 1) % 3] ?? '' }
  }
  let wrong = 0
  for (let run = 0; run < 400; run += 1) if (pairsUntilTold(cycle, 300) !== null) wrong += 1
  assert.ok(shareInterval(wrong, 400).lower <= 0.05, `${wrong} of 400`)
})

test('a category that moves from 5 to 12 % is found within 600 pairs in at least 80 % of runs', () => {
  const uniform = seededUniform(25)
  const moved = () => {
    const champion = drawn(uniform, [0.5, 0.3, 0.15, 0.05])
    return { champion, candidate: champion !== 'horror' && uniform() < 0.07 / 0.95 ? 'horror' : champion }
  }
  let found = 0
  for (let run = 0; run < 100; run += 1) if (pairsUntilTold(moved, 600) !== null) found += 1
  assert.ok(found >= 80, `${found} of 100`)
})

test('numbers are compared in bins: a shift of a quarter of a standard deviation is found within 1,500 pairs', () => {
  const uniform = seededUniform(27)
  const cuts = [-1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28]
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  const shifted = () => ({ champion: gaussian(), candidate: gaussian() + 0.25 })
  let found = 0
  for (let run = 0; run < 40; run += 1) if (pairsUntilTold(shifted, 1_500, cuts) !== null) found += 1
  assert.ok(found >= 32, `${found} of 40`)
  const one = addPredictedPair(startDistributionTest([0, 1]), { champion: -1, candidate: 1 })
  assert.deepEqual(
    distributionEvidence(one).shares.map(({ category }) => category),
    ['[, 0)', '[1, )'],
  )
  assert.throws(() => startDistributionTest([1, 1]), RangeError)
})

test('a state stays small whatever is predicted, survives JSON, and a category may have any name', () => {
  let state = startDistributionTest()
  for (let n = 0; n < 500; n += 1) {
    state = addPredictedPair(JSON.parse(JSON.stringify(state)), { champion: `title ${n}`, candidate: 'constructor' })
  }
  assert.ok(Object.keys(state.counts).length <= 66)
  assert.deepEqual(state.counts.constructor, [0, 500])
  assert.equal(
    Object.values(state.counts).reduce((sum, [champion, candidate]) => sum + champion + candidate, 0),
    1_000,
  )
})
