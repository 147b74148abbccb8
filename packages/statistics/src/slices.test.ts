import assert from 'node:assert/strict'
import { test } from 'node:test'
import { binomialTail } from './distributions.ts'
import { meanAndError } from './paired.ts'
import { seededUniform, type Uniform } from './random.ts'
import { judgeSlices, type SliceCounts, studentInterval } from './slices.ts'

const near = (actual: number | undefined, expected: number, within: number) =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) < within, `${actual} is not ${expected}`)

test('the intervals are the ones of their papers', () => {
  const [only] = judgeSlices(
    [{ slice: 'a', units: 20, differing: 5, loss: null }],
    { units: 20, differing: 5 },
    {
      minimumUnits: 1,
    },
  )
  near(only?.share.lower, 0.0866, 1e-4)
  near(only?.share.upper, 0.491, 1e-4)
  // Of two tests each has half of alpha: scipy.stats.beta.ppf(0.0125, 5, 16) and (0.9875, 6, 15).
  const two = judgeSlices(
    ['a', 'b'].map((slice) => ({ slice, units: 20, differing: 5, loss: null })),
    { units: 40, differing: 10 },
    { minimumUnits: 1 },
  )
  near(two[0]?.share.lower, 0.072708, 1e-6)
  near(two[0]?.share.upper, 0.522623, 1e-6)
  const { mean, standardError } = meanAndError([0.1, -0.2, 0.3, 0.25, 0.05])
  const bounds = studentInterval({ n: 5, mean, standardError })
  near(bounds.lower, -0.1444, 1e-4)
  near(bounds.upper, 0.3444, 1e-4)
})

test('a slice with few units is shown with its interval and never accused; one with a handful more than the margin is', () => {
  const slices: SliceCounts[] = [
    { slice: 'few', units: 10, differing: 10, loss: null },
    { slice: 'many', units: 1000, differing: 300, loss: null },
    { slice: 'rest', units: 9000, differing: 90, loss: null },
  ]
  const total = { units: 10_010, differing: 400 }
  const judged = judgeSlices(slices, total, { margin: 0.05 })
  assert.deepEqual(
    judged.map(({ slice, judged: is, differs }) => [slice, is, differs]),
    [
      ['few', false, false],
      ['many', true, true],
      ['rest', true, false],
    ],
  )
  near(judged[1]?.elsewhere, 100 / 9010, 1e-12)
  assert.equal(judgeSlices(slices, total, { margin: 0.3 })[1]?.differs, false)
})

const SLICES = 12
const UNITS = 2400

/** Things in slices; how often they differ and what their loss increase is may depend on the slice. */
function drawn(uniform: Uniform, differs: (slice: number) => number, increase: (slice: number) => number) {
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  const slices = Array.from({ length: SLICES }, () => ({ units: 0, differing: 0, losses: [] as number[] }))
  for (let unit = 0; unit < UNITS; unit += 1) {
    const place = Math.floor(uniform() ** 2 * SLICES)
    const slice = slices[place]
    if (!slice) continue
    slice.units += 1
    if (uniform() < differs(place)) slice.differing += 1
    slice.losses.push(increase(place) + normal())
  }
  return {
    slices: slices.map(({ units, differing, losses }, place): SliceCounts => {
      const { n, mean, standardError } = losses.length > 1 ? meanAndError(losses) : { n: 0, mean: 0, standardError: 0 }
      return { slice: String(place), units, differing, loss: n > 1 ? { n, mean, standardError } : null }
    }),
    total: { units: UNITS, differing: slices.reduce((sum, { differing }) => sum + differing, 0) },
  }
}

test('without a difference between slices any of them is accused in at most alpha of the comparisons', () => {
  const uniform = seededUniform(61)
  const runs = 400
  let wrong = 0
  for (let run = 0; run < runs; run += 1) {
    const { slices, total } = drawn(
      uniform,
      () => 0.2,
      () => 0,
    )
    if (judgeSlices(slices, total, { alpha: 0.05 }).some(({ differs, worse }) => differs || worse)) wrong += 1
  }
  // More than this many would be less likely than 1 in 1,000 if alpha were kept.
  assert.ok(binomialTail(wrong, runs, 0.05) > 0.001, `${wrong} of ${runs}`)
})

test('a slice that is worse than the others is named, and nearly always it alone', () => {
  const uniform = seededUniform(62)
  const runs = 200
  let [byShare, byLoss, others] = [0, 0, 0]
  for (let run = 0; run < runs; run += 1) {
    const { slices, total } = drawn(
      uniform,
      (slice) => (slice === 3 ? 0.6 : 0.1),
      (slice) => (slice === 3 ? 1 : 0),
    )
    const judged = judgeSlices(slices, total, { margin: 0.05, lossMargin: 0.1 })
    if (judged[3]?.differs) byShare += 1
    if (judged[3]?.worse) byLoss += 1
    if (judged.some(({ slice, differs, worse }) => slice !== '3' && (differs || worse))) others += 1
  }
  assert.ok(byShare >= 198, `by share ${byShare} of ${runs}`)
  assert.ok(byLoss >= 198, `by loss ${byLoss} of ${runs}`)
  assert.ok(binomialTail(others, runs, 0.05) > 0.001, `others ${others} of ${runs}`)
})
