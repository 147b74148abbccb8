import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatasetDefinition } from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import { judgeBatch, magnitudes } from './decide.ts'

const SALES = DatasetDefinition.parse({
  name: 'sales',
  key: ['id'],
  eventTime: 'day',
  snapshotEnd: '2020-12-31',
  columns: { id: 'integer', day: 'date', price: 'number' },
  quality: { units: [{ column: 'price', factors: [1000] }] },
})

const uniform = seededUniform(20)
/** Prices whose logarithm is normal with the spread of film budgets (a factor of 10 is 1.5 deviations). */
function price(): number {
  const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return 2e7 * Math.exp(1.5 * normal)
}
const rows = (count: number, day: string, factor = 1) =>
  Array.from({ length: count }, (_, id) => ({ id, day, price: price() * factor }))
const reference = new Map([['price', magnitudes(Array.from({ length: 800 }, price))]])
const quarantined = (batch: readonly Record<string, unknown>[]) =>
  judgeBatch(SALES, batch, reference).filter((verdict) => verdict.kind === 'quarantined')

test('500 healthy batches of 8 to 20 rows raise no unit alarm', () => {
  for (let trial = 0; trial < 500; trial += 1)
    assert.equal(quarantined(rows(8 + (trial % 13), '2020-03-01')).length, 0, `batch ${trial}`)
})

test('thousandths and thousands are found in at least 97 % of batches of 8 rows, and in all of 20 rows', () => {
  const found = (size: number) => {
    let whole = 0
    for (let trial = 0; trial < 300; trial += 1)
      if (quarantined(rows(size, '2020-03-01', trial % 2 ? 1000 : 1 / 1000)).length === size) whole += 1
    return whole
  }
  const small = found(8)
  assert.ok(small >= 0.97 * 300, `${small} of 300`)
  assert.equal(found(20), 300)
})

test('a factor that is not declared is not called a unit fault, and too few rows are not judged', () => {
  assert.equal(quarantined(rows(20, '2020-03-01', 1 / 60)).length, 0)
  assert.equal(quarantined(rows(7, '2020-03-01', 1 / 1000)).length, 0)
})

test('the months before the fault of a batch pass, and the reason dates it', () => {
  const batch = [...rows(10, '2020-03-05'), ...rows(10, '2020-04-05', 1 / 1000), ...rows(10, '2020-05-05', 1 / 1000)]
  const kept = quarantined(batch)
  assert.equal(kept.length, 20)
  assert.match(kept[0]?.kind === 'quarantined' ? kept[0].refusal.reason : '', /since 2020-04-05/)
})

test('a date after the snapshot is explained by a two-digit year only where that reading fits', () => {
  const reasons = (day: string) =>
    quarantined([{ id: 1, day, price: null }]).map(
      (verdict) => verdict.kind === 'quarantined' && verdict.refusal.reason,
    )
  assert.match(String(reasons('2046-12-31')), /two-digit year was probably read as 20xx: 1946-12-31/)
  assert.doesNotMatch(String(reasons('2121-01-01')), /two-digit/)
  assert.deepEqual(reasons('2020-12-31'), [])
})
