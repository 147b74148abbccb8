import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { takeLock } from './lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-lock-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** What another process finds when it asks for the lock alone. */
function elsewhere(file: string): string {
  const program = `
    const { tryLock } = await import(${JSON.stringify(join(import.meta.dirname, 'lock.ts'))})
    console.log((await tryLock(${JSON.stringify(file)})) ? 'got it' : 'held')`
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program]
  return spawnSync(process.execPath, flags, { encoding: 'utf8' }).stdout.trim()
}

test('a process that shares a lock several times holds it until the last share is given back', async () => {
  const file = join(folder, 'shared.lock')
  const first = await takeLock(file, 'shared')
  const second = await takeLock(file, 'shared')
  assert.equal(elsewhere(file), 'held')
  second.release()
  assert.equal(elsewhere(file), 'held')
  first.release()
  assert.equal(elsewhere(file), 'got it')
})
