/**
 * How often does a rollout roll back a healthy version, find a bad one, and promote a worse one?
 *
 * 20,000 requests of 2,000 callers with Pareto(1.5) traffic, own error rates with a standard deviation equal to their mean,
 * sticky routing, a base rate that doubles, labels 0–30 days late; all tests of a rollout share 5 %. The peers see the same
 * requests. `npm run bench -- rollout-errors --json FILE`; `--quick` is the size for every test run,
 * `--only TEXT` runs the experiments whose name has it.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { tallies } from './measure.ts'
import { type Row, rowsOf } from './rows.ts'
import { experiments } from './scenarios.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
const started = performance.now()
const counts = await tallies(values.quick, values.only)
const rows = experiments(values.quick).flatMap((experiment, index) => {
  const tally = counts[index]
  return tally === undefined || tally.runs === 0 ? [] : rowsOf(experiment, tally)
})
for (const row of rows) console.log(line(row))
const runs = counts.reduce((sum, tally) => sum + tally.runs, 0)
console.log(`${runs} rollouts in ${((performance.now() - started) / 1_000).toFixed(0)} s`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
if (rows.some((row) => row.met === false)) process.exitCode = 1

function line({ claim, peer, ours, unit, ratio, goal, met, interval }: Row): string {
  const digits = unit === 'requests' ? 0 : 2
  const range = interval === undefined ? '' : `[${interval.lower.toFixed(2)}, ${interval.upper.toFixed(2)}]`
  const times = unit === 'requests' && ratio !== null ? `(${ratio.toFixed(2)}×)` : ''
  const verdict = met === null ? '' : met ? 'met' : 'NOT MET'
  return [
    claim.padEnd(108),
    `peer ${peer === null ? '–' : peer.toFixed(digits)}`.padEnd(12),
    `ours ${ours.toFixed(digits)} ${range}${times}`.padEnd(28),
    `${goal} ${unit}`.padEnd(18),
    verdict,
  ].join(' ')
}
