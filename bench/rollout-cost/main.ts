/**
 * What a rollout costs: a look at its guardrails, the routing of a request, and to callers the shadow of a second version.
 *
 * The shadow is measured on a real gateway with two models in ONNX, its log on, at half of the rate that saturates it without a
 * shadow: pairs of one run without and one with it, alternating, medians over the pairs. What the machine does besides shows in the range
 * over the pairs, and in what two runs without a shadow, a pair apart, differ by: a median within that is noise. `npm run bench -- rollout-cost
 * [--json FILE] [--pairs 7] [--seconds 6]`
 */
import { parseArgs } from 'node:util'
import { type Row, report } from '../report.ts'
import { lookMicroseconds, routingMicroseconds, unitMicroseconds } from './functions.ts'
import { SHADOW, startBenchGateway } from './gateway.ts'
import { latenciesAt, saturatingRate } from './load.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    pairs: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '6' },
  },
})
const CALLS = 200_000

const rows: Row[] = [
  atMost('a look at all guardrails, CPU', lookMicroseconds(CALLS), 10),
  atMost('betting a closed unit on harm and acceptance, CPU', unitMicroseconds(CALLS), 10),
  atMost('routing a request by its caller, CPU', routingMicroseconds(CALLS), 20),
  ...(await shadowRows(Number(values.pairs), Number(values.seconds))),
]
report(rows, values.json)

function atMost(claim: string, ours: number, most: number): Row {
  return { claim, peer: null, ours, unit: 'µs', ratio: null, goal: `≤ ${most} µs`, met: ours <= most }
}

async function shadowRows(pairs: number, seconds: number): Promise<Row[]> {
  const gateway = await startBenchGateway()
  try {
    await saturatingRate(gateway.url, 32, 2)
    const saturating = await saturatingRate(gateway.url, 32, seconds)
    const rate = saturating / 2
    console.log(`saturated at ${saturating.toFixed(0)} requests a second; measured at ${rate.toFixed(0)}`)
    const added: number[] = []
    const alone: number[] = []
    const shadowed: number[] = []
    for (let pair = 0; pair < pairs; pair += 1) {
      // Which comes first alternates, so that a machine that slows down favours neither.
      const measured = { single: Number.NaN, shadow: Number.NaN }
      for (const kind of pair % 2 === 0 ? (['single', 'shadow'] as const) : (['shadow', 'single'] as const)) {
        await gateway.use(kind === 'single' ? { kind: 'single' } : SHADOW)
        await latenciesAt(gateway.url, rate, 1)
        const before = await gateway.mirrored()
        const { p50Ms, p99Ms } = await latenciesAt(gateway.url, rate, seconds)
        const mirrored = (await gateway.mirrored()) - before
        console.log(`  ${kind}: p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(1)} ms, ${mirrored} mirrored`)
        if (kind === 'shadow' && mirrored < 0.9 * rate * seconds) throw new Error('The shadow did not answer all.')
        measured[kind] = p50Ms
      }
      alone.push(measured.single)
      shadowed.push(measured.shadow)
      added.push((measured.shadow / measured.single - 1) * 100)
    }
    const median = (list: number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN
    // Of seven independent pairs the smallest and the largest enclose the true median in 98 % of cases.
    const [least, most] = [Math.min(...added), Math.max(...added)]
    const apart = alone.slice(1).map((p50, pair) => Math.abs(p50 / (alone[pair] ?? Number.NaN) - 1) * 100)
    return [
      {
        claim: `what a shadow adds to callers' p50 at ${rate.toFixed(0)} requests a second, median of ${pairs} pairs (${least.toFixed(0)} to ${most.toFixed(0)} %)`,
        peer: null,
        ours: median(added),
        unit: '%',
        ratio: null,
        goal: '≤ 10 %',
        met: median(added) <= 10,
      },
      {
        claim: 'noise: what the p50 of two runs without a shadow differ by, median',
        peer: null,
        ours: median(apart),
        unit: '%',
        ratio: null,
        goal: '',
        met: true,
      },
      {
        claim: "callers' p50 without a shadow (peer) and with it, medians",
        peer: median(alone),
        ours: median(shadowed),
        unit: 'ms',
        ratio: median(alone) / median(shadowed),
        goal: '',
        met: true,
      },
    ]
  } finally {
    await gateway.stop()
  }
}
