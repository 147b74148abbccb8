import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MagnitudeCounts, magnitudeBin } from '@tidemark/statistics'
import { filmMaker } from '../testing.ts'
import { extentOf, type FirstValue, isSudden } from './decide.ts'

const make = filmMaker(21)
const budgets = (count: number, factor = 1): (number | null)[] =>
  Array.from({ length: count }, () => {
    const { budget } = make()
    return budget && budget * factor
  })
function magnitudes(values: readonly (number | null)[]): MagnitudeCounts {
  const counts: Record<number, number> = {}
  for (const value of values) {
    const bin = value === null ? null : magnitudeBin(value)
    if (bin !== null) counts[bin] = (counts[bin] ?? 0) + 1
  }
  return counts
}
/** One film a day. */
const films = (values: readonly (number | null)[]): FirstValue[] =>
  values.map((value, index) => ({
    entity: `film-${index}`,
    at: new Date(Date.UTC(2003, 0, 1 + index)),
    value,
    prediction: 'p',
  }))
const dayOf = (at: Date | null | undefined): number | null =>
  at ? Math.round((at.getTime() - Date.UTC(2003, 0, 1)) / 86_400_000) : null

const reference = magnitudes(budgets(1500))
const thousandth = { factor: 0.001, share: 1 }

test('the beginning is the first faulty film, wherever the scan began, and every later budget is affected', () => {
  const values = [...budgets(40), ...budgets(25, 0.001)]
  const extent = extentOf(films(values), reference, thousandth, null)
  const first = values.findIndex((value, index) => index >= 40 && value !== null)
  assert.equal(dayOf(extent?.since), first)
  assert.equal(extent?.until, null)
  assert.equal(extent?.affected.length, values.slice(40).filter((value) => value !== null).length)
})

test('a fault that ended has its last film, and the good ones after it are not affected', () => {
  const values = [...budgets(30), ...budgets(20, 0.001), ...budgets(15)]
  const extent = extentOf(films(values), reference, thousandth, null)
  const end = values.findIndex((value, index) => index >= 50 && value !== null)
  assert.equal(dayOf(extent?.until), end)
  assert.ok(extent?.affected.every((film) => (dayOf(film.at) ?? 0) >= 30 && (dayOf(film.at) ?? 99) < 50))
})

test('one good film among faulty ones does not end the fault', () => {
  const values = [...budgets(20, 0.001), 4e7]
  assert.equal(extentOf(films(values), reference, thousandth, null)?.until, null)
})

test('where only some rows are faulty, only those that look it are affected', () => {
  const mixed = budgets(60).map((value, index) => (index % 2 === 0 ? value && value * 0.001 : value))
  const extent = extentOf(films(mixed), reference, { factor: 0.001, share: 0.5 }, null)
  assert.ok(extent && extent.affected.length > 15)
  assert.ok(extent.affected.every((film) => (dayOf(film.at) ?? 0) % 2 === 0))
})

test('films as ever have no extent worth the name, a known beginning is kept', () => {
  const begun = new Date(Date.UTC(2003, 0, 5))
  const extent = extentOf(films(budgets(20, 0.001)), reference, thousandth, begun)
  assert.equal(extent?.since, begun)
  assert.equal(extentOf(films(budgets(30)), reference, thousandth, null), null)
})

test('a change that came slowly is no unit fault: the windows before look the same', () => {
  const suspicion = { feature: 'budget', fault: { factor: 10, meaning: 'tenths', share: 1 }, logEvidence: 30 }
  const grown = magnitudes(budgets(40, 10))
  assert.equal(isSudden(suspicion, grown, magnitudes(budgets(150, 9)), reference), false)
  assert.equal(isSudden(suspicion, grown, magnitudes(budgets(150)), reference), true)
  // Hardly any earlier values: training is the yardstick.
  assert.equal(isSudden(suspicion, grown, magnitudes(budgets(10, 9)), reference), true)
})

test('one value again and again is no unit fault, whatever factor would lead to it', () => {
  const months = magnitudes(Array.from({ length: 1200 }, (_, index) => 1 + (index % 12)))
  const suspicion = { feature: 'month', fault: { factor: 0.1, meaning: 'tenths', share: 1 }, logEvidence: 17 }
  const january = magnitudes(new Array(8).fill(1))
  assert.equal(isSudden(suspicion, january, {}, months), false)
  assert.equal(isSudden(suspicion, january, months, months), false)
})
