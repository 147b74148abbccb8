import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allocateAlpha, familywise, familywiseLevel } from './familywise.ts'
import { boundSlices, comparePaired } from './paired.ts'
import { compareShares, shareInterval } from './proportions.ts'
import { seededUniform } from './random.ts'

function near(ours: number, expected: number, tolerance = 1e-10): void {
  assert.ok(Math.abs(ours - expected) <= tolerance * Math.abs(expected), `${ours} against ${expected}`)
}

test('Fisher’s exact test gives the values of scipy.stats.fisher_exact', () => {
  near(compareShares({ hits: 7, total: 45 }, { hits: 30, total: 1500 }).pValue, 5.884646614398815e-5, 1e-8)
  near(compareShares({ hits: 0, total: 15 }, { hits: 300, total: 1500 }).pValue, 0.05251562030554573, 1e-8)
  near(compareShares({ hits: 3, total: 15 }, { hits: 40, total: 1500 }).pValue, 0.007641665176250415, 1e-8)
})

test('the one-sided tails of Fisher’s test overlap in the seen table only', () => {
  const more = compareShares({ hits: 3, total: 15 }, { hits: 40, total: 1500 }, 'more').pValue
  const fewer = compareShares({ hits: 3, total: 15 }, { hits: 40, total: 1500 }, 'fewer').pValue
  assert.ok(more + fewer > 1 && more + fewer < 1.1)
})

test('a window or reference without rows or without hits says nothing', () => {
  assert.equal(compareShares({ hits: 0, total: 0 }, { hits: 3, total: 10 }).pValue, 1)
  assert.equal(compareShares({ hits: 0, total: 9 }, { hits: 0, total: 10 }).pValue, 1)
})

test('the Clopper–Pearson interval of 5 in 20 is 0.0866 to 0.4910', () => {
  const { lower, upper } = shareInterval(5, 20)
  near(lower, 0.08657146910143461)
  near(upper, 0.49104587170795744)
  assert.deepEqual(shareInterval(0, 10).lower, 0)
  assert.deepEqual(shareInterval(10, 10).upper, 1)
})

test('Holm’s correction gives R’s p.adjust values and keeps the order', () => {
  const judged = familywise(0.05, [
    { name: 'a', pValue: 0.01 },
    { name: 'b', pValue: 0.04 },
    { name: 'c', pValue: 0.03 },
  ])
  assert.deepEqual(
    judged.map((check) => [check.name, Math.round(check.adjustedPValue * 1e9) / 1e9, check.alarm]),
    [
      ['a', 0.03, true],
      ['b', 0.06, false],
      ['c', 0.06, false],
    ],
  )
})

test('Holm’s correction told as one level accuses exactly whom it accuses step by step', () => {
  near(familywiseLevel(0.05, [0.01, 0.04, 0.03]), 0.025)
  assert.equal(familywiseLevel(0.05, []), 0.05)
  const uniform = seededUniform(41)
  const accused = new Set<number>()
  for (let run = 0; run < 2_000; run += 1) {
    const pValues = Array.from({ length: 1 + Math.floor(6 * uniform()) }, () => 0.1 * uniform() ** 2)
    const level = familywiseLevel(0.05, pValues)
    const steps = familywise(
      0.05,
      pValues.map((pValue, index) => ({ name: String(index), pValue })),
    )
    assert.deepEqual(
      pValues.map((pValue) => pValue <= level),
      steps.map(({ alarm }) => alarm),
      pValues.join(),
    )
    accused.add(pValues.filter((pValue) => pValue <= level).length)
  }
  assert.ok(accused.size >= 6, 'from none to all were accused')
})

test('a window of 60 checks without change alarms in at most 5 % of 2,000 windows', () => {
  const uniform = seededUniform(7)
  let alarms = 0
  for (let window = 0; window < 2_000; window += 1) {
    const checks = Array.from({ length: 60 }, (_, index) => ({ name: `${index}`, pValue: uniform() }))
    if (familywise(0.05, checks).some((check) => check.alarm)) alarms += 1
  }
  assert.ok(shareInterval(alarms, 2_000).lower <= 0.05, `${alarms} of 2000`)
  assert.ok(alarms > 60, `${alarms}: the budget is used`)
})

test('guardrails share one budget in proportion to their weights', () => {
  assert.deepEqual(allocateAlpha(0.04, { errors: 2, loss: 1, latency: 1 }), { errors: 0.02, loss: 0.01, latency: 0.01 })
  assert.throws(() => allocateAlpha(0.05, { errors: 0 }), RangeError)
})

test('the paired t-test gives the p-value of scipy.stats.ttest_1samp', () => {
  const result = comparePaired([0.1, 0, 0.3, 0.25, 0.05], [0, 0.2, 0, 0, 0])
  near(result.pNotWorse, 0.15971510847133044)
  near(result.pNotBetter, 1 - 0.15971510847133044)
  near(result.meanDifference, 0.1)
  // The exact p-value counts all 32 sign patterns.
  const differences = [0.1, -0.2, 0.3, 0.25, 0.05]
  let atLeast = 0
  for (let pattern = 0; pattern < 32; pattern += 1) {
    const sum = differences.reduce((total, value, bit) => total - ((pattern >> bit) & 1 ? value : -value), 0)
    if (sum >= -0.5 - 1e-12) atLeast += 1
  }
  assert.ok(Math.abs(result.signFlipPNotBetter - atLeast / 32) < 0.02)
})

test('a candidate equal to the champion passes the gate in at most 5 %, one better by 0.3 in at least 80 %', () => {
  const uniform = seededUniform(3)
  const gaussian = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  const passes = (gain: number): number => {
    let passed = 0
    for (let run = 0; run < 400; run += 1) {
      const champion = Array.from({ length: 120 }, () => 1 + 0.3 * gaussian())
      const candidate = champion.map((loss) => loss - gain + 0.8 * gaussian())
      if (comparePaired(candidate, champion, { permutations: 199 }).pNotBetter <= 0.05) passed += 1
    }
    return passed
  }
  assert.ok(shareInterval(passes(0), 400).lower <= 0.05)
  assert.ok(passes(0.3) >= 0.8 * 400)
})

test('slices below 30 rows are shown and not judged', () => {
  const worse = Array.from({ length: 40 }, (_, row) => 1 + (row % 3) * 0.1)
  const [big, small] = boundSlices({ Drama: worse, Western: worse.slice(0, 29) }, { margin: 0.5 })
  assert.deepEqual([big?.judged, big?.worse, small?.judged, small?.worse], [true, true, false, false])
  assert.ok((small?.lowerBound ?? 0) > 0.5)
})
