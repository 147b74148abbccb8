import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { postgresError } from './errors.ts'
import type { Place } from './place.ts'

/** What PostgreSQL's lock file says about its server. */
export interface LockFile {
  readonly kind: 'held'
  readonly pid: number
  readonly port: number
  readonly socketDir: string
  readonly ready: boolean
}

/** `broken`: half-written when the machine stopped; PostgreSQL itself refuses to start beside it. */
export type AnyLockFile = LockFile | { kind: 'absent' } | { kind: 'broken' }

/** Parses `postmaster.pid`: pid, data folder, start time, port, socket folder, address, memory key, status, one a line. */
export function parseLockFile(text: string): LockFile | { kind: 'broken' } {
  const [pid, , , port, socketDir, , , status] = text.split('\n')
  if (!pid || !Number.isInteger(Number(pid)) || Number(pid) <= 1) return { kind: 'broken' }
  return {
    kind: 'held',
    pid: Number(pid),
    port: Number(port),
    socketDir: socketDir ?? '',
    ready: status?.trim() === 'ready',
  }
}

/** What a cluster's `postmaster.pid` says; `absent` when it cannot be read. */
export function readLockFile(cluster: string): AnyLockFile {
  try {
    return parseLockFile(readFileSync(join(cluster, 'postmaster.pid'), 'utf8'))
  } catch {
    return { kind: 'absent' }
  }
}

/** The arguments of a process; empty for one that is gone, and for a zombie that its parent has not reaped. */
function commandLine(pid: number | string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}

/**
 * Whether this pid is the live server of the cluster: not a zombie, not another process that was given the pid since.
 * Reads the command line, not the working folder, because root without CAP_SYS_PTRACE cannot read another uid's.
 */
export function isPostmaster(pid: number, cluster: string): boolean {
  const words = commandLine(pid)
  return words[words.indexOf('-D') + 1] === cluster
}

/** The live processes of the cluster, children of a dead server included: PostgreSQL puts the cluster's name into their titles. */
export function processesOf(place: Place): number[] {
  const title = `postgres: ${place.clusterName}: `
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandLine(pid)[0]?.startsWith(title) || isPostmaster(Number(pid), place.cluster))
    .map(Number)
}

/** What to do about a server that may have been left by an earlier run. */
export type Leftover = { kind: 'none' } | { kind: 'adopt'; lock: LockFile } | { kind: 'wait' } | { kind: 'clear' }

/** Decides from the lock file and whether its pid is the cluster's live server. A server that is stopping is waited for. */
export function decideLeftover(lock: AnyLockFile, alive: boolean): Leftover {
  if (lock.kind === 'absent') return { kind: 'none' }
  if (lock.kind === 'broken' || !alive) return { kind: 'clear' }
  return lock.ready ? { kind: 'adopt', lock } : { kind: 'wait' }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended in between.
  }
}

/**
 * Waits until no process of a dead server is left: its children notice its end by themselves, a busy one is told after 2 s.
 * Only then may the lock file go, else two servers could write the same files.
 * @throws STILL_IN_USE after 8 s
 */
export async function clearDead(place: Place): Promise<void> {
  const started = Date.now()
  for (;;) {
    const pids = processesOf(place)
    if (pids.length === 0) break
    const waited = Date.now() - started
    if (waited > 8000) throw postgresError('STILL_IN_USE', place.cluster)
    if (waited > 4000) for (const pid of pids) signal(pid, 'SIGKILL')
    else if (waited > 2000) for (const pid of pids) signal(pid, 'SIGQUIT')
    await sleep(20)
  }
  rmSync(join(place.cluster, 'postmaster.pid'), { force: true })
}

/** Waits until the pid is no longer the cluster's server; false when it still is after `timeoutSeconds`. */
export async function waitUntilGone(pid: number, cluster: string, timeoutSeconds: number): Promise<boolean> {
  const deadline = Date.now() + timeoutSeconds * 1000
  while (isPostmaster(pid, cluster)) {
    if (Date.now() > deadline) return false
    await sleep(10)
  }
  return true
}

/** Ends the server: its clients are cut off, their transactions rolled back, everything committed is checkpointed. */
export async function stopPostmaster(pid: number, cluster: string): Promise<void> {
  if (!isPostmaster(pid, cluster)) return
  signal(pid, 'SIGINT')
  if (await waitUntilGone(pid, cluster, 4)) return
  // Without a checkpoint, as after a crash: the next start replays the log.
  signal(pid, 'SIGQUIT')
  if (!(await waitUntilGone(pid, cluster, 4))) throw postgresError('STILL_IN_USE', cluster)
}
