import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timeReader } from './time-format.ts'

const CASES: readonly [format: string, text: string, instant: string | null][] = [
  ['%b %d %Y', 'Jun 12 1998', '1998-06-12T00:00:00.000Z'],
  ['%b %d %Y', 'jun 2 1998', '1998-06-02T00:00:00.000Z'],
  ['%b %d %Y', 'Feb 30 2001', null],
  ['%b %d %Y', 'Juno 12 1998', null],
  ['%d.%m.%Y %H:%M', '31.12.1999 23:59', '1999-12-31T23:59:00.000Z'],
  ['%d %B %Y', '1 September 2020', '2020-09-01T00:00:00.000Z'],
  ['%Y-%m-%d', '2020-13-01', null],
  ['iso', '2020-02-29', '2020-02-29T00:00:00.000Z'],
  ['iso', '2021-02-29', null],
  ['iso', '2020-01-01T12:30:15.5+02:00', '2020-01-01T10:30:15.500Z'],
  ['iso', '2020-01-01T12:00:00Z', '2020-01-01T12:00:00.000Z'],
  ['iso', '1577836800', null],
]

for (const [format, text, instant] of CASES)
  test(`"${text}" as ${format} is ${instant ?? 'no date'}`, () => {
    assert.equal(timeReader(format)(text)?.toISOString() ?? null, instant)
  })

test('a format with unknown letters is refused when it is declared', () => {
  assert.throws(() => timeReader('%y/%m'), /has %y; known are/)
})
