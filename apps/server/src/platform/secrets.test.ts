import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Secrets } from './secrets.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-secrets-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'secrets.key')

test('a secret comes back, is not readable in between, and looks different each time', () => {
  const secrets = new Secrets(file)
  const sealed = secrets.seal('naïve hunter2', 'webhook:1')
  assert.equal(new Secrets(file).open(sealed, 'webhook:1'), 'naïve hunter2')
  assert.equal(sealed.includes('hunter2'), false)
  assert.notDeepEqual(sealed, secrets.seal('naïve hunter2', 'webhook:1'))
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.match(readFileSync(file, 'utf8'), /^[0-9a-f]{64}\n$/)
})

test('a secret of another thing, under another key, or changed, cannot be read', () => {
  const secrets = new Secrets(file)
  const sealed = secrets.seal('hunter2', 'webhook:1')
  assert.throws(() => secrets.open(sealed, 'webhook:2'))
  assert.throws(() => new Secrets(file, 'x'.repeat(32)).open(sealed, 'webhook:1'))
  for (const at of [0, 13, sealed.length - 1]) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(() => secrets.open(changed, 'webhook:1'))
  }
})
