import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Asked, isKnown, readRange } from './range.ts'

test('a range is read as RFC 9110 says', () => {
  const whole: Asked = { kind: 'whole' }
  const beyond: Asked = { kind: 'beyond' }
  const part = (start: number, end: number): Asked => ({ kind: 'part', start, end })
  const table: [header: string | undefined, bytes: number, asked: Asked][] = [
    [undefined, 10, whole],
    ['bytes=0-3', 10, part(0, 3)],
    ['bytes=4-', 10, part(4, 9)],
    ['bytes=-3', 10, part(7, 9)],
    ['bytes=-99', 10, part(0, 9)],
    ['bytes=8-99', 10, part(8, 9)],
    ['Bytes=9-9', 10, part(9, 9)],
    ['bytes=10-', 10, beyond],
    ['bytes=99-100', 10, beyond],
    ['bytes=-0', 10, beyond],
    ['bytes=0-0', 0, beyond],
    ['bytes=-1', 0, beyond],
    ['bytes=5-4', 10, whole],
    ['bytes=0-1,3-4', 10, whole],
    ['bytes=-', 10, whole],
    ['items=0-1', 10, whole],
    ['bytes=a-b', 10, whole],
    ['bytes=0x1-2', 10, whole],
  ]
  for (const [header, bytes, asked] of table)
    assert.deepEqual(readRange(header, undefined, '"e"', bytes), asked, header)
})

test('a range of another version of the file gives the whole file', () => {
  assert.equal(readRange('bytes=0-1', '"e"', '"e"', 10).kind, 'part')
  assert.equal(readRange('bytes=0-1', '"old"', '"e"', 10).kind, 'whole')
  assert.equal(readRange('bytes=0-1', 'W/"e"', '"e"', 10).kind, 'whole', 'a weak tag never matches a range')
})

test('a tag that a client has is found in a list, weak or strong', () => {
  for (const header of ['"e"', '"a", "e"', 'W/"e"', '*', ' * ']) assert.ok(isKnown(header, '"e"'), header)
  for (const header of [undefined, '"a"', 'e', '']) assert.ok(!isKnown(header, '"e"'), header)
})
