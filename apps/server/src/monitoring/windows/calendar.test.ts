import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameOfTime, quarterOf, windowOf } from './calendar.ts'

const cases = [
  ['day', '2004-02-29T23:59:59.999Z', '2004-02-29', '2004-03-01'],
  ['week', '2004-02-29T12:00:00Z', '2004-02-23', '2004-03-01'],
  ['week', '2004-03-01T00:00:00Z', '2004-03-01', '2004-03-08'],
  ['month', '2003-12-31T23:59:59Z', '2003-12-01', '2004-01-01'],
  ['quarter', '2003-11-05T00:00:00Z', '2003-10-01', '2004-01-01'],
] as const
for (const [length, at, from, to] of cases) {
  test(`${at} lies in the ${length} from ${from} to ${to}`, () => {
    const span = windowOf(Date.parse(at), length)
    assert.deepEqual([span.from.toISOString().slice(0, 10), span.to.toISOString().slice(0, 10)], [from, to])
  })
}

test('times are named by the length of the window, quarters count on over the year', () => {
  const at = new Date('2003-12-24T00:00:00Z')
  assert.deepEqual([nameOfTime(at, 'month'), nameOfTime(at, 'day')], ['2003-12', '2003-12-24'])
  assert.equal(quarterOf(new Date('2004-01-01T00:00:00Z')) - quarterOf(at), 1)
})
