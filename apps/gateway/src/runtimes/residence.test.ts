import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toUnload } from './residence.ts'

const of = (name: string, bytes: number, lastUsedMs: number, inUse = false) => ({ name, bytes, lastUsedMs, inUse })
const names = (residents: ReturnType<typeof of>[], budget: number) =>
  toUnload(residents, budget).map(({ name }) => name)

test('what fits stays', () => {
  assert.deepEqual(names([of('a', 60, 1), of('b', 40, 2)], 100), [])
})
test('what was used least recently goes first, and only as much as must', () => {
  assert.deepEqual(names([of('new', 50, 9), of('old', 50, 1), of('middle', 50, 5)], 100), ['old'])
  assert.deepEqual(names([of('new', 50, 9), of('old', 50, 1), of('middle', 50, 5)], 60), ['old', 'middle'])
})
test('what is in use, and what holds nothing, is not unloaded', () => {
  assert.deepEqual(names([of('busy', 90, 1, true), of('resting', 0, 2), of('idle', 20, 3)], 10), ['idle'])
})
