import assert from 'node:assert/strict'
import { test } from 'node:test'
import { progressOf } from './process.ts'

test('a line that is no progress is passed over, whatever printed it', () => {
  assert.deepEqual(progressOf('{"rows":10,"rowsDone":4,"kind":"number"}'), { rows: 10, rowsDone: 4 })
  for (const line of ['', 'loading weights …', '{"rows":10,"rowsD', '{"rows":"ten"}', 'null'])
    assert.equal(progressOf(line), null, line)
})
