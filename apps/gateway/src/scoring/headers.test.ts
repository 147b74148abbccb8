import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentTypeOf, entitiesOfHeader, readHeaders } from './headers.ts'

for (const [header, type] of [
  ['application/json', 'application/json'],
  ['application/json; charset=utf-8', 'application/json'],
  ['application/JSON;charset="UTF-8"', 'application/json'],
  ['text/csv', 'text/csv'],
  [undefined, ''],
] as const) {
  test(`the content type "${header}" is ${type || 'none'}`, () => {
    assert.equal(contentTypeOf(header), type)
  })
}
for (const header of ['application/json; charset=latin-1', 'application/json; format=pandas-split', 'text/csv; x']) {
  test(`"${header}" is refused as MLflow does`, () => {
    assert.throws(() => contentTypeOf(header), { status: 415 })
  })
}

test('a caller waits a whole number of milliseconds', () => {
  assert.equal(readHeaders({ 'tidemark-timeout-ms': '250' }, false).timeoutMs, 250)
  assert.equal(readHeaders({}, false).timeoutMs, null)
  for (const wrong of ['0', '-1', '1.5', 'soon', '99999999999'])
    assert.throws(() => readHeaders({ 'tidemark-timeout-ms': wrong }, false), { status: 400, message: /timeout-ms/ })
})

test('an event time is taken only in replay mode', () => {
  const headers = { 'tidemark-event-time': '2001-05-25' }
  assert.equal(readHeaders(headers, true).eventTime, Date.parse('2001-05-25T00:00:00Z'))
  assert.throws(() => readHeaders(headers, false), { status: 400, message: /tidemark-event-time.*replay mode/ })
})

for (const text of [
  'yesterday',
  '2001',
  '99999-01-01',
  '2001-13-01',
  '0999-12-31',
  '9999-06-01',
  '999999999999999999',
  'NaN',
]) {
  test(`the event time "${text}" is refused by the header's name`, () => {
    assert.throws(() => readHeaders({ 'tidemark-event-time': text }, true), {
      status: 400,
      message: /^The header tidemark-event-time/,
    })
  })
}

test('milliseconds and offsets are instants too', () => {
  assert.equal(readHeaders({ 'tidemark-event-time': '-100000' }, true).eventTime, -100000)
  assert.equal(readHeaders({ 'tidemark-event-time': '2001-05-25T02:00:00+02:00' }, true).eventTime, 990748800000)
})

test('the entity header names one key a row; one row takes the whole text', () => {
  assert.deepEqual(entitiesOfHeader('Crouching Tiger, Hidden Dragon', 1), ['Crouching Tiger, Hidden Dragon'])
  assert.deepEqual(entitiesOfHeader('a, Am%C3%A9lie,', 3), ['a', 'Amélie', null])
  assert.deepEqual(entitiesOfHeader(null, 2), [null, null])
  assert.throws(() => entitiesOfHeader('a,b', 3), { status: 400, message: /3 keys/ })
  assert.throws(() => entitiesOfHeader('a%00', 1), { status: 400, message: /without NUL/ })
  assert.throws(() => entitiesOfHeader('%E3', 1), { status: 400, message: /percent-encoded/ })
})
