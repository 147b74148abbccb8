import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnswerRecord, LogRecord, type MirrorRecord, uuidv7 } from '@tidemark/contracts'
import { type LoggedPolicy, redact, strictest } from './redact.ts'

const KEY = '0f'.repeat(32)
const POLICY: LoggedPolicy = {
  sensitive: { name: 'hash', salary: 'mask' },
  caller: 'hash',
  unwritable: 'refuse',
}

function record(fields: Partial<AnswerRecord> = {}): AnswerRecord {
  const id = uuidv7()
  return {
    kind: 'answer',
    id,
    workspace: 'default',
    endpoint: 'people',
    arrivedAt: 1,
    eventTime: 1,
    requestId: id,
    caller: 'ann@example.org',
    entities: ['a'],
    version: 'people/1',
    runtime: 'onnx',
    rollout: null,
    columns: ['age', 'name', 'salary'],
    rows: [
      [31, 'Ann', 1000],
      [32, 'Ann', null],
      [33, null, 3],
    ],
    predictions: [1, 2, 3],
    error: null,
    milliseconds: 0.1,
    ...fields,
  }
}
const rowsOf = (kept: LogRecord) => (kept.kind === 'answer' ? kept.rows : [])

test('no sensitive value is in what is written, equal values stay equal, others differ', () => {
  const given = record()
  const kept = redact(given, POLICY, KEY)
  const text = JSON.stringify(kept)
  assert.doesNotMatch(text, /Ann|1000|example\.org/)
  const rows = rowsOf(kept)
  assert.match(String(rows[0]?.[1]), /^hmac:[0-9a-f]{32}$/)
  // The server looks for callers by the same form: its test has this value too.
  assert.equal(kept.caller, 'hmac:eed4d58d08f57c8b8132015d7d0b2dbd')
  assert.equal(rows[0]?.[1], rows[1]?.[1])
  assert.deepEqual(
    rows.map((row) => [row[0], row[2]]),
    [
      [31, null],
      [32, null],
      [33, null],
    ],
  )
  assert.equal(rows[2]?.[1], null, 'a missing value stays missing')
  const other = rowsOf(redact(record({ rows: [[1, 'Bob', 1]] }), POLICY, KEY))
  assert.notEqual(other[0]?.[1], rows[0]?.[1])
  assert.deepEqual(given.rows[0], [31, 'Ann', 1000], 'what is mirrored later is what was sent')
  assert.deepEqual(kept.kind === 'answer' && kept.redacted, { name: 'hash', salary: 'mask' })
  assert.deepEqual(LogRecord.parse(JSON.parse(text)), kept, 'the readers take it')
})

test('a caller has one hash over answers and mirrors of a workspace, another in another workspace and by another key', () => {
  const { columns: _, rows: __, requestId: ___, arrivedAt: ____, runtime: _____, ...shared } = record()
  const mirror: MirrorRecord = {
    ...shared,
    kind: 'mirror',
    rollout: { id: uuidv7(), stage: 0, arm: 'candidate' },
  }
  const caller = redact(record(), POLICY, KEY).caller
  assert.equal(redact(mirror, POLICY, KEY).caller, caller)
  assert.notEqual(redact(record({ workspace: 'other' }), POLICY, KEY).caller, caller)
  assert.notEqual(redact(record(), POLICY, 'f0'.repeat(32)).caller, caller)
})

test('of an endpoint that is gone nothing is kept that a caller sent', () => {
  const failed = record({ predictions: null, error: "could not convert 'Ann'" })
  const kept = redact(failed, strictest(failed), KEY)
  assert.doesNotMatch(JSON.stringify(kept), /Ann|1000|example\.org|hmac/)
  assert.deepEqual(rowsOf(kept)[0], [null, null, null])
  const { columns: _, rows: __, requestId: ___, arrivedAt: ____, runtime: _____, ...shared } = failed
  const mirror: MirrorRecord = { ...shared, kind: 'mirror', rollout: { id: uuidv7(), stage: 0, arm: 'candidate' } }
  assert.doesNotMatch(JSON.stringify(redact(mirror, strictest(mirror), KEY)), /Ann|example\.org/)
})

test('without a key what should be hashed is masked, never written plain', () => {
  const kept = redact(record(), POLICY, null)
  assert.equal(kept.caller, null)
  assert.equal(rowsOf(kept)[0]?.[1], null)
})

test("a failing model's words are withheld where columns are sensitive, because they may repeat their values", () => {
  const failed = record({ predictions: null, error: "Row 0: could not convert string to float: 'Ann'" })
  assert.doesNotMatch(redact(failed, POLICY, KEY).error ?? '', /Ann/)
  const open: LoggedPolicy = { sensitive: {}, caller: 'plain', unwritable: 'refuse' }
  assert.equal(redact(failed, open, KEY), failed)
  assert.equal(redact(failed, undefined, KEY), failed)
})
