import assert from 'node:assert/strict'
import { test } from 'node:test'
import { convertLosses, type LossReport, shouldReport } from './decide.ts'

const report = (answered: boolean): LossReport => ({
  logEvidence: 4,
  at: '2003-02-10T00:00:00Z',
  event: '019f0000-0000-7000-8000-000000000000',
  answered,
})
const evidence = (logEvidence: number, alarm = true) => ({ alarm, highestEValue: Math.exp(logEvidence) })

const table: [name: string, logEvidence: number, last: LossReport | null, now: string, reported: boolean][] = [
  ['first alarm', 4, null, '2003-02-10', true],
  ['reported and not answered, whatever the evidence', 40, report(false), '2004-02-10', false],
  ['declined, same quarter, little new evidence', 7.9, report(true), '2003-03-31', false],
  ['declined, same quarter, evidence doubled', 8, report(true), '2003-03-31', true],
  ['declined, the next quarter has begun', 4, report(true), '2003-04-01', true],
]
for (const [name, logEvidence, last, now, reported] of table) {
  test(`${name}: ${reported ? 'reported' : 'not reported'}`, () => {
    assert.equal(shouldReport(evidence(logEvidence), last, new Date(now)), reported)
  })
}

test('without an alarm nothing is reported', () => {
  assert.equal(shouldReport(evidence(2, false), null, new Date('2003-02-10')), false)
})

test('losses of the gates are taken into the unit of the watch', () => {
  assert.deepEqual(convertLosses([4, 0.25], 'squared_error', 'absolute_error'), [2, 0.5])
  assert.deepEqual(convertLosses([2, 0.5], 'absolute_error', 'squared_error'), [4, 0.25])
  assert.deepEqual(convertLosses([2], 'absolute_error', 'absolute_error'), [2])
})
