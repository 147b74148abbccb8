import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * The commit of a folder, and the patch that makes it what it is now, new files included; nulls where there is no Git.
 * The repository's index is left as it was: new files are noted in a copy of it.
 */
export function gitState(folder: string): { gitCommit: string | null; gitPatch: string | null } {
  const commit = git(folder, ['rev-parse', 'HEAD'])?.trim()
  const index = git(folder, ['rev-parse', '--git-path', 'index'])?.trim()
  if (!commit || !index) return { gitCommit: null, gitPatch: null }
  const scratch = mkdtempSync(join(tmpdir(), 'tidemark-git-'))
  try {
    const copy = join(scratch, 'index')
    const original = resolve(folder, index)
    if (existsSync(original)) copyFileSync(original, copy)
    const environment = { GIT_INDEX_FILE: copy }
    git(folder, ['add', '--intent-to-add', '.'], environment)
    const patch = git(folder, ['diff', '--binary', 'HEAD', '--', '.'], environment)
    return { gitCommit: commit, gitPatch: patch || null }
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function git(folder: string, args: string[], environment: Record<string, string> = {}): string | null {
  const ended = spawnSync('git', ['-C', folder, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
  })
  return ended.status === 0 ? ended.stdout : null
}
