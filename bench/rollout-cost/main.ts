/**
 * What a rollout costs: a look at its guardrails, the routing of a request, and to callers the shadow of a second version.
 *
 * The shadow is measured on a real gateway with two models in ONNX, its log on (shadow.ts). `npm run bench -- rollout-cost [--json FILE]
 * [--pairs 7] [--seconds 6]`
 */
import { parseArgs } from 'node:util'
import { type Row, report } from '../report.ts'
import { lookMicroseconds, routingMicroseconds, unitMicroseconds } from './functions.ts'
import { shadowRows } from './shadow.ts'

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
