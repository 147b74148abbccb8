import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeenThings } from './seen.ts'

test('a thing is fresh once in each rollout, and again when its note was taken back', () => {
  const seen = new SeenThings()
  assert.equal(seen.note('a', ['x', 'y']), true)
  assert.equal(seen.note('a', ['y', 'x']), false)
  assert.equal(seen.note('a', ['x', null]), true, 'a row without a name is always fresh')
  assert.equal(seen.note('b', ['x']), true)
  seen.forget('a', ['x'])
  assert.equal(seen.note('a', ['x']), true)
})

test('of very many things the newest are remembered, and the last costs no more than the first', () => {
  const seen = new SeenThings()
  const note = (from: number, count: number): number => {
    const started = process.cpuUsage()
    for (let thing = from; thing < from + count; thing += 1) assert.equal(seen.note('a', [`thing ${thing}`]), true)
    const { user, system } = process.cpuUsage(started)
    return user + system
  }
  note(0, 20_000)
  const early = note(20_000, 60_000)
  note(80_000, 320_000)
  const late = note(400_000, 60_000)
  assert.ok(late < 10 * early, `${late} µs of CPU, and ${early} at the beginning`)
  assert.equal(seen.note('a', ['thing 459999']), false)
  assert.equal(seen.note('a', ['thing 370000']), false, 'the newest hundred thousand are remembered')
  assert.equal(seen.note('a', ['thing 0']), true)
})
