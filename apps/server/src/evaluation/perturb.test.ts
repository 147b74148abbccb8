import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InputColumn } from '@tidemark/contracts'
import { perturb, UNKNOWN_CATEGORY } from './perturb.ts'

const columns: InputColumn[] = [
  { name: 'budget', type: 'double', required: true },
  { name: 'genre', type: 'string', required: true },
  { name: 'year', type: 'long', required: true },
]
const rows = Array.from({ length: 40 }, (_, index) => ({ budget: index, genre: 'Drama', year: 2000 + index }))
const copies = new Map(perturb(rows, columns, { noise: 0.1, seed: 1 }).map(({ kind, rows: copy }) => [kind, copy]))

test('noise shifts numbers by about its share of their spread, and leaves texts', () => {
  const shifts = (copies.get('noisy') ?? []).map((row, index) => Number(row.budget) - index)
  const sd = Math.sqrt(shifts.reduce((sum, shift) => sum + shift ** 2, 0) / shifts.length)
  assert.ok(sd > 0.7 && sd < 1.7, String(sd))
  assert.ok((copies.get('noisy') ?? []).every((row) => row.genre === 'Drama' && Number.isInteger(row.year)))
})

test('one column of each row goes missing in turn, never one that cannot hold nothing', () => {
  const missing = copies.get('missing') ?? []
  assert.equal(missing.filter((row) => row.budget === null).length, 20)
  assert.equal(missing.filter((row) => row.genre === null).length, 20)
  assert.ok(missing.every((row) => row.year !== null))
})

test('texts become a category that nobody has seen', () => {
  assert.ok((copies.get('unknown') ?? []).every((row) => row.genre === UNKNOWN_CATEGORY))
})

test('the same seed disturbs the same way', () => {
  assert.deepEqual(perturb(rows, columns, { noise: 0.1, seed: 1 }), perturb(rows, columns, { noise: 0.1, seed: 1 }))
})
