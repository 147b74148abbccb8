import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decideLeftover, isPostmaster, parseLockFile } from './postmaster.ts'

const READY = '4711\n/data/cluster\n1790000000\n5432\n/data/socket\n\n     1234   5\nready   \n'
const held = (status: string) => parseLockFile(READY.replace('ready   ', status))

test('what an earlier server left decides between adopting, waiting and clearing', () => {
  const ready = held('ready   ')
  assert.deepEqual(ready, { kind: 'held', pid: 4711, port: 5432, socketDir: '/data/socket', ready: true })
  const table: [Parameters<typeof decideLeftover>, string][] = [
    [[{ kind: 'absent' }, false], 'none'],
    [[ready, true], 'adopt'],
    [[ready, false], 'clear'],
    [[held('starting'), true], 'wait'],
    [[held('stopping'), true], 'wait'],
    [[held('stopping'), false], 'clear'],
    [[parseLockFile(''), false], 'clear'],
    [[parseLockFile('garbage\n'), false], 'clear'],
  ]
  for (const [[lock, alive], kind] of table) assert.equal(decideLeftover(lock, alive).kind, kind)
})

test('a dead server that nobody reaped is not taken for a running one', async () => {
  // exec replaces the shell by a process that never waits for its child, which so stays a zombie with this command line.
  const script = 'sh -c "sleep 0.2" -D /data/cluster & echo $!; exec sleep 60'
  const parent = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const pid = await new Promise<number>((done) => parent.stdout.once('data', (text) => done(Number(text))))
    assert.doesNotThrow(() => process.kill(pid, 0))
    await sleep(600)
    assert.doesNotThrow(() => process.kill(pid, 0), 'the zombie still answers to signal 0')
    assert.equal(isPostmaster(pid, '/data/cluster'), false)
    const live = spawn('/bin/sh', ['-c', 'kill -STOP $$', '-D', '/data/cluster'], { stdio: 'ignore' })
    await sleep(100)
    assert.equal(isPostmaster(live.pid ?? 0, '/data/cluster'), true)
    assert.equal(isPostmaster(live.pid ?? 0, '/data/other'), false)
    live.kill('SIGKILL')
  } finally {
    parent.kill('SIGKILL')
  }
})
