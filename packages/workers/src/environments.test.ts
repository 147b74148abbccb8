import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensureEnvironment, environmentState } from './environments.ts'
import { chooseInterpreter } from './interpreter.ts'
import { CLONE, workerAccount } from './place.ts'

let folder: string
const made: string[] = []
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'locks-'))
})
after(() => {
  rmSync(folder, { recursive: true })
  for (const dir of made)
    for (const name of [dir, `${dir}.log`, `${dir}.failed`]) rmSync(name, { recursive: true, force: true })
})

/** A lock of one small package, as the platform's own lock has it, made unique by a comment. */
function smallLock(name: string, change: (text: string) => string = (text) => text): string {
  const whole = readFileSync(join(CLONE, 'python/locks/worker.txt'), 'utf8')
  const six = /^six==[^\n]*(\n {4}--hash[^\n]*)+/m.exec(whole)
  assert.ok(six, 'the lock has six')
  const file = join(folder, `${name}.txt`)
  writeFileSync(file, change(`# ${name} ${process.pid}\n${six[0]}\n`))
  return file
}

test('an environment is built once, however many ask at once, also from other processes', async () => {
  const lock = smallLock('once')
  assert.deepEqual(environmentState(lock), { kind: 'absent' })
  const program = `import { ensureEnvironment } from ${JSON.stringify(join(CLONE, 'packages/workers/src/environments.ts'))}
    console.log((await ensureEnvironment(${JSON.stringify(lock)})).dir)`
  const other = new Promise<string>((resolve) => {
    const child = spawn(process.execPath, ['-C', '@tidemark/source', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (data) => (said += data))
    child.on('close', () => resolve(said.trim()))
  })
  const [first, second, third] = await Promise.all([ensureEnvironment(lock), ensureEnvironment(lock), other])
  made.push(first.dir)
  assert.equal(second.dir, first.dir)
  assert.equal(third, first.dir)
  assert.equal(environmentState(lock).kind, 'ready')
  const probe = spawnSync(first.python, ['-c', 'import six, sys; print(sys.prefix)'], {
    ...workerAccount().drop,
    cwd: '/',
  })
  assert.equal(probe.stdout.toString().trim(), first.dir, 'the workers’ user can import what was installed')
})

test('a build that fails says so, can be seen, and leaves no environment', async () => {
  const lock = smallLock('wrong-hash', (text) => text.replace(/sha256:[0-9a-f]{64}/g, `sha256:${'0'.repeat(64)}`))
  await assert.rejects(ensureEnvironment(lock), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ENVIRONMENT_FAILED')
    assert.match(error.message, /wrong-hash\.txt/)
    assert.match(error.message, /[Hh]ash/)
    return true
  })
  const state = environmentState(lock)
  assert.equal(state.kind, 'failed')
  if (state.kind !== 'failed') return
  const dir = state.log.replace(/\.log$/, '')
  made.push(dir)
  assert.ok(!existsSync(dir))
})

test('a Python that the workers’ user may not run is passed over', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, () => {
  const closed = mkdtempSync(join(tmpdir(), 'closed-'))
  try {
    spawnSync('ln', ['-s', '/usr/bin/python3', join(closed, 'python3')])
    assert.throws(() => chooseInterpreter(workerAccount(), { TIDEMARK_PYTHON: join(closed, 'python3') }), {
      code: 'NO_PYTHON',
    })
    const chosen = chooseInterpreter(workerAccount(), { PATH: closed })
    assert.match(chosen.minor, /^3\.1[1-9]$/)
    assert.ok(!chosen.path.startsWith(closed))
  } finally {
    rmSync(closed, { recursive: true })
  }
})
