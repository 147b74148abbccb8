import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A process that cannot be confused with a later one of the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to its start, as /proc tells it. */
  readonly startTicks: string
}

/** The identity of a live process; undefined for one that is gone or only waits to be reaped. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    // The second field, the command in parentheses, may hold anything: fields are counted from its end (proc(5)).
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, startTicks] = [fields[0], fields[19]]
    return state === 'Z' || state === 'X' || startTicks === undefined ? undefined : { pid, startTicks }
  } catch {
    return undefined
  }
}

/** Whether it is still the same process: a reused id has another start time. */
export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTicks === process.startTicks
}

/** Who listens on a TCP port, as far as this user may see: " by pid 7 (python3 app.py)", or nothing. */
export function listenerOf(port: number): string {
  const inode = listeningInode(port)
  if (inode === undefined) return ''
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const open = readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`)
      if (open)
        return ` by pid ${pid} (${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 80)})`
    } catch {
      // Another user's process, or one that ended: not ours to see.
    }
  }
  return ''
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function listeningInode(port: number): string | undefined {
  const LISTEN = '0A'
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    try {
      for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
        const fields = line.trim().split(/\s+/)
        if (fields[1]?.endsWith(suffix) && fields[3] === LISTEN) return fields[9]
      }
    } catch {
      // No such table on this kernel.
    }
  }
  return undefined
}
