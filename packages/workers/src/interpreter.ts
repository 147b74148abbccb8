import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { workerError } from './errors.ts'
import { type Account, workerAccount } from './place.ts'

/** A Python that the workers' user may run. */
export interface Interpreter {
  readonly path: string
  /** As in `3.11`: environments are built for it, and a model logged under another is refused. */
  readonly minor: string
}

const MINORS = ['3.14', '3.13', '3.12', '3.11']
const OLDEST = 11

/**
 * TIDEMARK_PYTHON, else the newest system Python from 3.11 on, else one of PATH: each is tried as the workers' user, because a
 * Python in root's home runs for root alone.
 * @throws NO_PYTHON
 */
export function chooseInterpreter(
  account: Account = workerAccount(),
  env: NodeJS.ProcessEnv = process.env,
): Interpreter {
  const named = env.TIDEMARK_PYTHON
  const folders = ['/usr/bin', '/usr/local/bin', ...(env.PATH ?? '').split(':')]
  const candidates = named
    ? [named]
    : folders.flatMap((folder) =>
        [...MINORS.map((minor) => `python${minor}`), 'python3'].map((name) => join(folder, name)),
      )
  const tried = new Set(candidates.filter((path) => existsSync(path)))
  for (const path of tried) {
    const print = 'import sys; print(sys.version_info[0], sys.version_info[1], sys.executable, sep="\\n")'
    const probe = spawnSync(path, ['-I', '-c', print], { ...account.drop, cwd: '/', env: { PATH: '/usr/bin:/bin' } })
    const [major, minor, executable] = probe.status === 0 ? probe.stdout.toString().trim().split('\n') : []
    if (major === '3' && Number(minor) >= OLDEST && executable) return { path: executable, minor: `3.${minor}` }
  }
  throw workerError('NO_PYTHON', [...tried].join(', ') || 'none found')
}
