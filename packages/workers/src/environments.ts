import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { workerError } from './errors.ts'
import { chooseInterpreter, type Interpreter } from './interpreter.ts'
import { pipSettings, uvVariables } from './pip-settings.ts'
import { type Account, cacheFolder, workerAccount } from './place.ts'
import { ensureUv } from './uv.ts'

/** A built environment. */
export interface PythonEnvironment {
  /** Absolute path of its interpreter. */
  readonly python: string
  /** As in `3.11`. */
  readonly minor: string
  /** SHA-256 of the lock file, in hex: what was installed, to the byte. */
  readonly lockHash: string
  readonly dir: string
}

/** What one can see of an environment before it serves. Times are the build's start. */
export type EnvironmentState =
  | { kind: 'absent' }
  | { kind: 'building'; pid: number; log: string }
  | { kind: 'ready'; environment: PythonEnvironment }
  | { kind: 'failed'; log: string }

interface Plan {
  readonly lockFile: string
  readonly cache: string
  readonly account: Account
  readonly interpreter: Interpreter
  readonly environment: PythonEnvironment
  readonly log: string
  /** Holds the pid of the process that builds. */
  readonly claim: string
  readonly failure: string
}

const POLL_MILLISECONDS = 100
const LOG_LINES_SHOWN = 15

/** What workers import before they fork; compiled at build time, since workers may not write into the environment. */
export const PRELOADED = [
  'pandas',
  'pyarrow.parquet',
  'sklearn.ensemble',
  'sklearn.pipeline',
  'sklearn.compose',
  'sklearn.impute',
  'mlflow.pyfunc',
  'mlflow.sklearn',
  // What the first log_model and load_model would import, 1.5 s each time.
  'skops.io',
  'git',
  'mlflow.pyfunc.scoring_server',
  'mlflow.tracking.request_header.registry',
  // Compiles what explains, where the environment has it.
  'tidemark_worker.explaining.warm',
]
const COMPILED = [...PRELOADED, 'skl2onnx', 'mlflow.models', 'mlflow.store.artifact.mlflow_artifacts_repo']

interface Machine {
  readonly account: Account
  readonly cache: string
  readonly interpreter: Interpreter
}
let machine: Machine | undefined

/** Asked once a process: the answers take processes to find (30 ms) and stay as they are. */
function thisMachine(): Machine {
  const account = workerAccount()
  machine ??= { account, cache: cacheFolder(account), interpreter: chooseInterpreter(account) }
  return machine
}

function plan(lockFile: string): Plan {
  const { account, cache, interpreter } = thisMachine()
  const lockHash = createHash('sha256').update(readFileSync(lockFile)).digest('hex')
  const envs = join(cache, 'envs')
  mkdirSync(envs, { recursive: true, mode: 0o755 })
  const dir = join(envs, `${lockHash.slice(0, 16)}-py${interpreter.minor}`)
  return {
    lockFile,
    cache,
    account,
    interpreter,
    environment: { python: join(dir, 'bin/python'), minor: interpreter.minor, lockHash, dir },
    log: `${dir}.log`,
    claim: `${dir}.building`,
    failure: `${dir}.failed`,
  }
}

/** How far the environment of a lock file is. */
export function environmentState(lockFile: string): EnvironmentState {
  return stateOf(plan(lockFile))
}

function stateOf(p: Plan): EnvironmentState {
  if (existsSync(p.environment.python)) return { kind: 'ready', environment: p.environment }
  const pid = holderOf(p.claim)
  if (pid !== undefined) return { kind: 'building', pid, log: p.log }
  return existsSync(p.failure) ? { kind: 'failed', log: p.log } : { kind: 'absent' }
}

/**
 * The environment of a requirement file with hashes (`python/locks/*.txt`), built when it is not there. Two processes that ask at
 * once build once; a build that was killed leaves nothing that counts.
 * @throws NO_PYTHON, UV_NOT_FETCHED, ENVIRONMENT_FAILED
 */
export async function ensureEnvironment(lockFile: string): Promise<PythonEnvironment> {
  const p = plan(lockFile)
  while (!existsSync(p.environment.python)) {
    if (!takeClaim(p.claim)) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS))
      continue
    }
    try {
      if (!existsSync(p.environment.python)) await build(p)
    } finally {
      rmSync(p.claim, { force: true })
    }
  }
  return p.environment
}

async function build(p: Plan): Promise<void> {
  rmSync(p.failure, { force: true })
  const scratch = mkdtempSync(join(p.cache, 'envs', 'new-'))
  chmodSync(scratch, 0o755)
  const log = openSync(p.log, 'w', 0o644)
  try {
    const uv = await ensureUv(p.cache)
    const venv = join(scratch, 'env')
    const python = join(venv, 'bin/python')
    const env = {
      PATH: '/usr/bin:/bin',
      HOME: process.env.HOME ?? scratch,
      UV_CACHE_DIR: join(p.cache, 'uv-cache'),
      UV_PYTHON_DOWNLOADS: 'never',
      UV_NO_CONFIG: '1',
      UV_NO_PROGRESS: '1',
      ...uvVariables(pipSettings()),
      VIRTUAL_ENV: venv,
    }
    // Relocatable, because it is renamed into place; wheels only, because a source distribution's set-up is somebody's code.
    await run(uv, ['venv', '--quiet', '--relocatable', '--python', p.interpreter.path, venv], env, log)
    const offline = pipSettings().noIndex ? ['--no-index'] : []
    const wanted = ['--require-hashes', '--no-deps', '--only-binary', ':all:', '-r', p.lockFile]
    await run(uv, ['pip', 'install', '--quiet', ...offline, ...wanted], env, log)
    // Imported as the workers' user, so that a file it cannot read fails here and not at the first step.
    const files = await run(
      python,
      ['-I', '-c', MODULE_FILES, ...COMPILED],
      { PATH: '/usr/bin:/bin', HOME: '/nonexistent' },
      log,
      p.account,
    )
    await run(
      python,
      ['-I', '-m', 'compileall', '-q', '-j', '2', '-i', '-'],
      { PATH: '/usr/bin:/bin' },
      log,
      undefined,
      files,
    )
    renameSync(venv, p.environment.dir)
  } catch (error) {
    writeFileSync(p.failure, '')
    if (error instanceof BuildStepFailed) {
      const lines = readFileSync(p.log, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n')
      throw workerError('ENVIRONMENT_FAILED', basename(p.lockFile), p.log, lines)
    }
    throw error
  } finally {
    closeSync(log)
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Prints the source file of each module that importing the arguments brings in, once those that do not exist are left out. */
const MODULE_FILES = `
import importlib, importlib.util, sys
for name in sys.argv[1:]:
    if importlib.util.find_spec(name.split(".")[0]) is not None:
        importlib.import_module(name)
files = {getattr(m, "__file__", None) for m in list(sys.modules.values())}
print("\\n".join(sorted(f for f in files if isinstance(f, str) and f.endswith(".py") and f.startswith(sys.prefix))))
`

class BuildStepFailed extends Error {}

function run(
  command: string,
  args: string[],
  env: Record<string, string>,
  log: number,
  account?: Account,
  input = '',
): Promise<string> {
  return new Promise((resolve, reject) => {
    // Whatever umask the platform runs under, other users must be able to read an environment.
    const child = spawn('/bin/sh', ['-c', 'umask 022; exec "$@"', 'sh', command, ...args], {
      env,
      cwd: '/',
      stdio: ['pipe', 'pipe', log],
      ...account?.drop,
    })
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) return resolve(output)
      writeFileSync(log, `${output}\n${basename(command)} ${args[0] ?? ''} ended with ${code}\n`)
      reject(new BuildStepFailed())
    })
  })
}

/** @returns false when another living process holds the claim. */
function takeClaim(claim: string): boolean {
  try {
    writeFileSync(claim, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    if (holderOf(claim) !== undefined) return false
    // Its builder died. Two waiters that both remove it at once build twice, and the second rename finds the first's work.
    rmSync(claim, { force: true })
    return false
  }
}

function holderOf(claim: string): number | undefined {
  try {
    const pid = Number(readFileSync(claim, 'utf8'))
    if (pid <= 0) return undefined
    process.kill(pid, 0)
    return pid
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? -1 : undefined
  }
}
