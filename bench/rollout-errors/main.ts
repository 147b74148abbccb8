/**
 * How often does a rollout roll back a healthy version, find a bad one, and promote a worse one?
 *
 * 20,000 requests of 2,000 callers with Pareto(1.5) traffic, own error rates with a standard deviation equal to their mean,
 * sticky routing, a base rate that doubles while the weight changes, labels 0–30 days late; all tests share 5 %.
 * `npm run bench -- rollout-errors --json FILE`; `--quick` is the size for every test run.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Row, rowsOf, tallies } from './measure.ts'
import { experiments } from './scenarios.ts'

const { values } = parseArgs({ options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } } })
const started = performance.now()
const counts = await tallies(values.quick)
const rows = experiments(values.quick).flatMap((experiment, index) => {
  const tally = counts[index]
  return tally === undefined ? [] : rowsOf(experiment, tally)
})
for (const row of rows) console.log(line(row))
const runs = counts.reduce((sum, tally) => sum + tally.runs, 0)
console.log(`${runs} canaries in ${((performance.now() - started) / 1_000).toFixed(0)} s`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
if (rows.some((row) => row.met === false)) process.exitCode = 1

function line({ claim, peer, ours, unit, goal, met, interval }: Row): string {
  const digits = unit === 'requests' ? 0 : 2
  const range = interval === undefined ? '' : `[${interval.lower.toFixed(2)}, ${interval.upper.toFixed(2)}]`
  const verdict = met === null ? '' : met ? 'met' : 'NOT MET'
  return [
    claim.padEnd(82),
    `peer ${peer === null ? '–' : peer.toFixed(digits)}`.padEnd(12),
    `ours ${ours.toFixed(digits)} ${range}`.padEnd(28),
    `${goal} ${unit}`.padEnd(16),
    verdict,
  ].join(' ')
}
