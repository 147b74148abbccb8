/**
 * What a shadow costs the callers of a real gateway, at half of the rate that saturates it without one: pairs of one run without and one with it,
 * alternating, medians over the pairs. What the machine does besides shows in the range over the pairs, and in what two runs without a shadow,
 * a pair apart, differ by: a median within that is noise.
 *
 * A mirror asks four at a time, each for two turns of the event loop, and sheds what its queue has no room for: when turns grow long, callers go
 * first. A shadow that did little costs little, so a pair in which it answered too little is printed, does not count, and is measured again, a few
 * times at most, at half of what saturates the gateway by then.
 */
import { median, type Row } from '../report.ts'
import { type BenchGateway, SHADOW, startBenchGateway } from './gateway.ts'
import { latenciesAt, saturatingRate } from './load.ts'

/** Of what was asked in a run with a shadow, the share that the shadow must have answered for its pair to count. */
const LEAST_MIRRORED = 0.9
/** Pairs that may be measured again, of all together. */
const REPEATS = 5

interface Pair {
  /** Requests a second. */
  readonly rate: number
  readonly singleMs: number
  readonly shadowMs: number
  /** Share of what was asked that the shadow answered too. */
  readonly mirrored: number
}

/** Rows of the report; with fewer pairs that count than wanted the goal is missed. Takes 2 × `seconds` a pair, 3 × one that is measured again. */
export async function shadowRows(wanted: number, seconds: number): Promise<Row[]> {
  const gateway = await startBenchGateway()
  try {
    const halfOfSaturating = async (): Promise<number> => {
      await gateway.use({ kind: 'single' })
      const saturating = await saturatingRate(gateway.url, 32, seconds)
      console.log(`saturated at ${saturating.toFixed(0)} requests a second; measured at ${(saturating / 2).toFixed(0)}`)
      return saturating / 2
    }
    await saturatingRate(gateway.url, 32, 2)
    let rate = await halfOfSaturating()
    const pairs: Pair[] = []
    let repeats = 0
    for (let tried = 0; pairs.length < wanted; tried += 1) {
      // Which comes first alternates, so that a machine that slows down favours neither.
      const pair = await measurePair(gateway, rate, seconds, tried % 2 === 0)
      if (pair.mirrored >= LEAST_MIRRORED) pairs.push(pair)
      else {
        console.log(`  does not count: the shadow had left ${percent(1 - pair.mirrored)} of what was asked unanswered`)
        if (repeats === REPEATS) break
        repeats += 1
        // The machine may be another one by now, to its gateway.
        rate = await halfOfSaturating()
      }
    }
    return rowsOf(pairs, wanted, repeats)
  } finally {
    await gateway.stop()
  }
}

async function measurePair(gateway: BenchGateway, rate: number, seconds: number, singleFirst: boolean): Promise<Pair> {
  const single = async (): Promise<number> => {
    await gateway.use({ kind: 'single' })
    await latenciesAt(gateway.url, rate, 1)
    const { p50Ms, p99Ms } = await latenciesAt(gateway.url, rate, seconds)
    console.log(`  single: p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(1)} ms`)
    return p50Ms
  }
  let singleMs = singleFirst ? await single() : Number.NaN
  await gateway.use(SHADOW)
  await latenciesAt(gateway.url, rate, 1)
  const before = await gateway.mirrors()
  const { p50Ms: shadowMs, p99Ms } = await latenciesAt(gateway.url, rate, seconds)
  const after = await gateway.mirrors()
  const logged = after.logged - before.logged
  const mirrored = logged / Math.floor(rate * seconds)
  console.log(
    `  shadow: p50 ${shadowMs.toFixed(2)} ms, p99 ${p99Ms.toFixed(1)} ms, ${logged} mirrored, ${after.shed - before.shed} shed`,
  )
  if (!singleFirst) singleMs = await single()
  return { rate, singleMs, shadowMs, mirrored }
}

function rowsOf(pairs: readonly Pair[], wanted: number, repeats: number): Row[] {
  const added = pairs.map(({ singleMs, shadowMs }) => (shadowMs / singleMs - 1) * 100)
  const alone = pairs.map(({ singleMs }) => singleMs)
  const shadowed = pairs.map(({ shadowMs }) => shadowMs)
  const apart = alone.slice(1).map((p50, pair) => Math.abs(p50 / (alone[pair] ?? Number.NaN) - 1) * 100)
  // Of seven independent pairs the smallest and the largest enclose the true median in 98 % of cases.
  const range = pairs.length > 0 ? ` (${Math.min(...added).toFixed(0)} to ${Math.max(...added).toFixed(0)} %)` : ''
  const each = [...new Set(pairs.map(({ rate }) => rate.toFixed(0)))]
  const rates = each.length > 0 ? `, ${each.join(', ')} requests a second` : ''
  const mirrored = pairs.length > 0 ? percent(Math.min(...pairs.map((pair) => pair.mirrored))) : 'nothing'
  const fact = (claim: string, ours: number, unit: string): Row => ({
    claim,
    peer: null,
    ours,
    unit,
    ratio: null,
    goal: '',
    met: true,
  })
  return [
    {
      ...fact(
        `what a shadow adds to callers' p50 at half of saturating load${rates}, median of ${pairs.length} pairs${range}`,
        median(added),
        '%',
      ),
      goal: '≤ 10 %',
      met: pairs.length === wanted && median(added) <= 10,
    },
    fact(
      `pairs measured again, as the shadow had answered too little (those that count mirrored at least ${mirrored})`,
      repeats,
      '',
    ),
    fact('noise: what the p50 of two runs without a shadow differ by, median', median(apart), '%'),
    {
      ...fact("callers' p50 without a shadow (peer) and with it, medians", median(shadowed), 'ms'),
      peer: median(alone),
      ratio: median(alone) / median(shadowed),
    },
  ]
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}
