import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Kept, startKept } from '../../kept.ts'
import { attack } from './attack.ts'

let kept: Kept
before(async () => {
  kept = await startKept()
})
after(() => kept.end())

test('4,000 malformed requests: each is answered, none is the gateway’s fault, and a good one is still answered', async (t) => {
  const { statuses, wrong } = await attack(kept.url, 4_000, 1)
  t.diagnostic(JSON.stringify(Object.fromEntries(statuses)))
  assert.deepEqual(wrong, [])
  assert.ok((statuses.get(400) ?? 0) > 2_000)
  const good = await fetch(`${kept.url}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances: [[20.5, 110, 'Drama']] }),
  })
  assert.equal(good.status, 200)
})
