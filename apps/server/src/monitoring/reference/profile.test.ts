import assert from 'node:assert/strict'
import { test } from 'node:test'
import { binOf, profileCategories, profileNumbers } from './profile.ts'

test('bins are cut at quantiles, each value lies in one, ties make fewer bins', () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1)
  const profile = profileNumbers('x', values)
  assert.deepEqual(profile.edges, [10, 20, 30, 40, 50, 60, 70, 80, 90])
  assert.deepEqual(profile.counts, new Array(10).fill(10))
  assert.deepEqual([profile.min, profile.max, profile.missing], [1, 100, 0])
  const tied = profileNumbers('x', [0, 0, 0, 0, 0, 0, 0, 0, 5, null])
  assert.deepEqual([tied.edges, tied.counts, tied.missing], [[0], [8, 1], 1])
})

test('a value on an edge belongs to the bin below it, in the reference and in every window', () => {
  assert.deepEqual(
    [0, 10, 10.5, 20, 99].map((value) => binOf([10, 20], value)),
    [0, 0, 1, 1, 2],
  )
  assert.equal(binOf([], 3), 0)
})

test('an empty column has one bin and no extremes', () => {
  const profile = profileNumbers('x', [null, null])
  assert.deepEqual([profile.counts, profile.min, profile.missing], [[0], null, 2])
})

test('categories keep their rare values, names of object members among them', () => {
  const profile = profileCategories('genre', ['Drama', 'Drama', '__proto__', 'constructor', null])
  assert.deepEqual(Object.entries(profile.counts), [
    ['Drama', 2],
    ['__proto__', 1],
    ['constructor', 1],
  ])
  assert.equal(profile.missing, 1)
})
