import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jensenShannonDistance } from './effects.ts'
import { testHomogeneity } from './homogeneity.ts'
import { testNewCategories, testOutOfRange } from './novelty.ts'
import { shareInterval } from './proportions.ts'
import { seededUniform, type Uniform } from './random.ts'

function near(ours: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(ours - expected) <= tolerance * Math.abs(expected), `${ours} against ${expected}`)
}

function draw(uniform: Uniform, shares: readonly number[], n: number): number[] {
  const counts = shares.map(() => 0)
  for (let row = 0; row < n; row += 1) {
    let left = uniform()
    let cell = 0
    while (cell < shares.length - 1 && left >= (shares[cell] ?? 0)) {
      left -= shares[cell] ?? 0
      cell += 1
    }
    counts[cell] = (counts[cell] ?? 0) + 1
  }
  return counts
}

const TENTHS = Array.from({ length: 10 }, () => 0.1)
const SKEWED = [0.5, 0.2, 0.1, 0.08, 0.05, 0.03, 0.02, 0.01, 0.005, 0.005]

test('chi-square of homogeneity gives the value of scipy.stats.chi2_contingency', () => {
  const result = testHomogeneity([10, 20, 15], [500, 600, 400], { cells: 'categories' })
  assert.equal(result.method, 'chi-square')
  near(result.statistic, 2.571932257810495, 1e-10)
  near(result.pValue, 0.27638343257843045, 1e-10)
})

test('the permutation p-value of a 2 × 2 table is Fisher’s exact one', () => {
  // scipy.stats.fisher_exact([[7, 38], [30, 1470]]): 5.88e-5, below what 9,999 draws resolve; [[3, 12], [40, 1460]]: 0.00764.
  const strong = testHomogeneity([7, 38], [30, 1470], { cells: 'categories' })
  assert.ok(strong.pValue <= 5e-4 && strong.pValue >= 1e-4)
  const weak = testHomogeneity([3, 12], [40, 1460], { cells: 'categories' })
  near(weak.pValue, 0.007641665176250415, 0.3)
  assert.equal(weak.pValue, testHomogeneity([3, 12], [40, 1460], { cells: 'categories' }).pValue)
})

for (const [cells, shares, n] of [
  ['categories', SKEWED, 15],
  ['categories', SKEWED, 45],
  ['bins', TENTHS, 15],
  ['bins', TENTHS, 45],
  ['bins', TENTHS, 8_000],
] as const) {
  test(`a window of ${n} unchanged rows in ${cells} alarms in at most 5 % of windows`, () => {
    const uniform = seededUniform(n)
    const windows = n > 1_000 ? 300 : 600
    let alarms = 0
    for (let window = 0; window < windows; window += 1) {
      const reference = draw(uniform, shares, n > 1_000 ? 8_000 : 1_500)
      const options = { cells, permutations: 999, seed: window }
      if (testHomogeneity(draw(uniform, shares, n), reference, options).pValue <= 0.05) alarms += 1
    }
    assert.ok(shareInterval(alarms, windows).lower <= 0.05, `${alarms} of ${windows}`)
    assert.ok(shareInterval(alarms, windows).upper >= 0.02, `${alarms} of ${windows}: not needlessly conservative`)
  })
}

test('forty rows shifted by one standard deviation are found in at least 95 % of windows', () => {
  // Cells hold a tenth each of a standard normal reference; the shifted normal falls into them with these shares.
  const shifted = [0.0112, 0.0216, 0.0317, 0.0424, 0.0547, 0.0696, 0.0892, 0.1181, 0.169, 0.3925]
  const uniform = seededUniform(5)
  let found = 0
  for (let window = 0; window < 200; window += 1) {
    const reference = draw(uniform, TENTHS, 1_500)
    if (
      testHomogeneity(draw(uniform, shifted, 40), reference, { cells: 'bins', permutations: 1_999 }).pValue <= 0.0025
    ) {
      found += 1
    }
  }
  assert.ok(found >= 190, `${found} of 200`)
})

test('a sample without rows, or one cell only, gives no evidence', () => {
  assert.equal(testHomogeneity([0, 0], [3, 4], { cells: 'bins' }).pValue, 1)
  assert.equal(testHomogeneity([5], [9], { cells: 'categories' }).pValue, 1)
  assert.throws(() => testHomogeneity([1], [1, 2], { cells: 'bins' }), RangeError)
})

test('one new category in 30 rows after 1,470 has p = 0.02, two rows of it p = 30·29 / (1,500·1,499)', () => {
  const reference = { Drama: 900, Comedy: 570 }
  near(testNewCategories({ Drama: 29, Musical: 1 }, reference).pValue, 0.02, 0.25)
  const two = testNewCategories({ Drama: 28, Musical: 2 }, reference)
  assert.deepEqual(two.categories, [{ category: 'Musical', count: 2 }])
  near(two.pValue, (30 * 29) / (1_500 * 1_499), 0.9)
  assert.equal(testNewCategories({ Drama: 4 }, reference).pValue, 1)
})

test('a column of many rare values has new ones in each window, and alarms in at most 5 % of windows', () => {
  const uniform = seededUniform(11)
  let alarms = 0
  let withNew = 0
  for (let window = 0; window < 400; window += 1) {
    const counts: [Record<string, number>, Record<string, number>] = [{}, {}]
    for (let row = 0; row < 1_040; row += 1) {
      const side = counts[row < 40 ? 0 : 1]
      const value = `d${Math.floor(500 * uniform() ** 2.5)}`
      side[value] = (side[value] ?? 0) + 1
    }
    const result = testNewCategories(counts[0], counts[1], { permutations: 999, seed: window })
    if (result.rows > 0) withNew += 1
    if (result.pValue <= 0.05) alarms += 1
  }
  assert.ok(withNew > 300, `${withNew}`)
  assert.ok(shareInterval(alarms, 400).lower <= 0.05, `${alarms}`)
})

test('the out-of-range probability is exact', () => {
  near(testOutOfRange(1, 1, 99).pValue, 0.02, 1e-9)
  // Of the C(4, 2) = 6 orders of two new and two reference values, five have a new one outside, three both.
  near(testOutOfRange(1, 2, 2).pValue, 5 / 6, 1e-9)
  near(testOutOfRange(2, 2, 2).pValue, 3 / 6, 1e-9)
  assert.ok(testOutOfRange(20, 30, 1_500).pValue < 1e-30)
  assert.equal(testOutOfRange(0, 30, 1_500).pValue, 1)
})

test('the Jensen–Shannon distance has its known values', () => {
  // scipy.spatial.distance.jensenshannon([.5, .5], [.9, .1], base=2) = 0.3831358798599423
  near(jensenShannonDistance([50, 50], [90, 10]), 0.3831358798599423, 1e-10)
  assert.equal(jensenShannonDistance([5, 0], [0, 7]), 1)
})
