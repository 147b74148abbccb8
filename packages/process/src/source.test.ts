import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOf, isLoopback, serverNames } from './address.ts'
import { givenRequestId, strangerOf } from './source.ts'

const allowed = serverNames('127.0.0.1', 5000)

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

test('a server that listens elsewhere answers to its address and to the names that its owner gave it, exactly, TLS of a proxy included', () => {
  const names = serverNames('192.168.7.2', 5000, ['models.example:5000', 'models.example'])
  for (const host of ['localhost:5000', '192.168.7.2:5000', 'models.example:5000', 'models.example'])
    assert.equal(strangerOf({ host, origin: `http://${host}` }, names), null, host)
  assert.equal(strangerOf({ host: 'models.example', origin: 'https://models.example' }, names), null)
  for (const host of [
    '192.168.7.3:5000',
    'models.example:5001',
    'x.models.example',
    'models.example.evil.example',
    '0.0.0.0:5000',
  ])
    assert.equal(strangerOf({ host }, names)?.kind, 'host', host)
  for (const origin of [
    'https://192.168.7.2:5000',
    'https://localhost:5000',
    'http://models.example:99@evil.example',
    'https://models.example.evil.example',
  ])
    assert.equal(strangerOf({ host: 'models.example', origin }, names)?.kind, 'origin', origin)
})

test('an address is loopback only when it is one, and this machine finds what listens on all of them', () => {
  for (const host of ['127.0.0.1', '127.8.0.1', '::1', 'localhost']) assert.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '128.0.0.1', '127.0.0.1.evil.example', '127.evil.example', 'localhost.example'])
    assert.ok(!isLoopback(host), host)
  assert.equal(addressOf('0.0.0.0', 5000), 'http://127.0.0.1:5000')
  assert.equal(addressOf('::', 5000), 'http://[::1]:5000')
  assert.equal(addressOf('192.168.7.2', 5000), 'http://192.168.7.2:5000')
})

test('what a stranger said is cut before it stands in a message', () => {
  assert.equal(strangerOf({ host: 'x'.repeat(5000) }, allowed)?.said.length, 100)
})

test('a request id is taken over only when it is short and plain', () => {
  assert.equal(givenRequestId('a-B_1.2'), 'a-B_1.2')
  for (const given of [undefined, '', 'a b', 'a\nb', '<x>', 'x'.repeat(65), ['a', 'b']])
    assert.equal(givenRequestId(given), null)
})
