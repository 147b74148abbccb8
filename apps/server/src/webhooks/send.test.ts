import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AddressRules } from './address.ts'
import { send, signature } from './send.ts'
import { Receiver } from './testing.ts'

let receiver: Receiver
before(async () => {
  receiver = await Receiver.open()
})
after(() => receiver.close())

const letter = (url: string) => ({ url, delivery: 'd', body: '{"a": "é"}', secret: 'k' })
const now = new Date('2026-01-02T03:04:05.678Z')
const never = new AbortController().signal

test('what is connected to is the address that was checked: no name server is asked again', async () => {
  // No resolver knows this name but the given one, so a connection proves that its answer was used.
  const rules: AddressRules = {
    loopback: true,
    resolve: async (name) => (name === 'hooks.invalid' ? [{ address: '127.0.0.1', family: 4 }] : []),
  }
  const attempt = await send(letter(receiver.url.replace('127.0.0.1', 'hooks.invalid')), rules, now, never)
  assert.deepEqual(attempt, { kind: 'answered', status: 200, body: 'thanks', retryAfterSeconds: null })
  const got = receiver.received.at(-1)
  assert.match(got?.headers.host ?? '', /^hooks\.invalid:\d+$/)
  assert.equal(got?.headers['x-mlflow-timestamp'], '1767323045')
  assert.equal(got?.headers['x-mlflow-signature'], signature('k', 'd', '1767323045', '{"a": "é"}'))
})

test('a name that means a private address by now is refused before anything is sent', async () => {
  const before = receiver.received.length
  const rules: AddressRules = { loopback: false, resolve: async () => [{ address: '127.0.0.1', family: 4 }] }
  const port = new URL(receiver.url).port
  const attempt = await send(letter(`https://rebound.example.com:${port}/`), rules, now, never)
  assert.equal(attempt.kind, 'refused')
  assert.equal(receiver.received.length, before)
})

test('an answer that never comes ends with its signal', async () => {
  receiver.answer = () => {}
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 50)
  const rules: AddressRules = { loopback: true, resolve: async () => [] }
  assert.equal((await send(letter(receiver.url), rules, now, stop.signal)).kind, 'unreachable')
})

test('the signature is the one that receivers of MLflow compute', () => {
  // hmac.new(b"my-secret", b"id-1.1700000000.{}", sha256), base64, by Python 3.11.
  assert.equal(signature('my-secret', 'id-1', '1700000000', '{}'), 'v1,Tmnsan5Emb5sfEUoSZCvHvapGCovI74U9VPaFku3swI=')
})
