import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gitState } from './git.ts'

const root = mkdtempSync(join(tmpdir(), 'tidemark-gitstate-'))
after(() => rmSync(root, { recursive: true }))

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org']
  const ended = spawnSync('git', ['-C', root, ...identity, ...args], { encoding: 'utf8' })
  assert.equal(ended.status, 0, ended.stderr)
  return ended.stdout
}

test('the patch holds changed and new files of the folder alone, and the index stays as it was', () => {
  assert.deepEqual(gitState(root), { gitCommit: null, gitPatch: null })
  git('init', '--quiet')
  mkdirSync(join(root, 'pipeline'))
  writeFileSync(join(root, 'pipeline', 'step.py'), 'old = 1\n')
  writeFileSync(join(root, 'other.txt'), 'old\n')
  git('add', '.')
  git('commit', '--quiet', '-m', 'first')
  const clean = gitState(join(root, 'pipeline'))
  assert.match(clean.gitCommit ?? '', /^[0-9a-f]{40}$/)
  assert.equal(clean.gitPatch, null)

  writeFileSync(join(root, 'pipeline', 'step.py'), 'new = 2\n')
  writeFileSync(join(root, 'pipeline', 'more.py'), 'added = 3\n')
  writeFileSync(join(root, 'other.txt'), 'changed\n')
  const { gitPatch } = gitState(join(root, 'pipeline'))
  assert.match(gitPatch ?? '', /-old = 1\n\+new = 2/)
  assert.match(gitPatch ?? '', /\+added = 3/)
  assert.doesNotMatch(gitPatch ?? '', /other\.txt/)
  assert.match(git('status', '--porcelain'), /\?\? pipeline\/more\.py/)
})
