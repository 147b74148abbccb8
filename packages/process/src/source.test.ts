import assert from 'node:assert/strict'
import { test } from 'node:test'
import { givenRequestId, loopbackHosts, strangerOf } from './source.ts'

const allowed = loopbackHosts(5000)

test('a loopback server answers to its own three names and port, and to pages that it served', () => {
  for (const host of ['127.0.0.1:5000', 'localhost:5000', '[::1]:5000']) {
    assert.equal(strangerOf({ host }, allowed), null)
    assert.equal(strangerOf({ host, origin: `http://${host}` }, allowed), null)
  }
})

test('other names are strangers: none, another port, look-alikes, names that begin or end the same', () => {
  const hosts = [
    undefined,
    '',
    'localhost',
    'localhost:5001',
    'localhost:50000',
    'LOCALHOST:5000',
    'localhost.evil.example:5000',
    'evil.example:5000',
    '127.0.0.1:5000.evil.example',
  ]
  for (const host of hosts) assert.equal(strangerOf({ host }, allowed)?.kind, 'host', String(host))
})

test('pages of other sites are strangers, sandboxed and encrypted look-alikes among them', () => {
  for (const origin of ['http://evil.example', 'null', 'https://localhost:5000', 'http://localhost', ''])
    assert.equal(strangerOf({ host: 'localhost:5000', origin }, allowed)?.kind, 'origin', origin)
})

test('what a stranger said is cut before it stands in a message', () => {
  assert.equal(strangerOf({ host: 'x'.repeat(5000) }, allowed)?.said.length, 100)
})

test('a request id is taken over only when it is short and plain', () => {
  assert.equal(givenRequestId('a-B_1.2'), 'a-B_1.2')
  for (const given of [undefined, '', 'a b', 'a\nb', '<x>', 'x'.repeat(65), ['a', 'b']])
    assert.equal(givenRequestId(given), null)
})
