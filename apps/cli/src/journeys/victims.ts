import { readdirSync, readFileSync } from 'node:fs'
import { identify, isAlive } from '../up/process-table.ts'
import type { Platform } from '../up/up.ts'

/** What may be killed: a part of the platform, a connection's own PostgreSQL process, the preloaded Python process, one of its steps, or what replays. */
export type Victim = 'server' | 'gateway' | 'database' | 'database connection' | 'worker' | 'step' | 'replay'

/** The pid of a victim now; undefined while there is none. */
export function find(platform: Platform, victim: Victim): number | undefined {
  const { server, gateway, database } = platform.pids()
  switch (victim) {
    case 'server':
      return server
    case 'gateway':
      return gateway
    case 'database':
      return database
    case 'database connection':
      return childrenOf(database).findLast((pid) =>
        /^postgres: .*\[local\]|^postgres: .*127\.0\.0\.1/.test(command(pid)),
      )
    case 'worker':
      return workers(server)[0]
    case 'step':
      return workers(server).flatMap(childrenOf)[0]
    case 'replay':
      return childrenOf(server).find((pid) => command(pid).includes('replay/main.ts'))
  }
}

/** The process of a served model below a gateway, which the preloaded one was forked into; undefined while there is none. */
export function modelProcess(gateway: number | undefined): number | undefined {
  return workers(gateway).flatMap(childrenOf)[0]
}

/** Kills a process as a crash would, or by another signal, and waits until it is gone. */
export async function killNow(pid: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const killed = identify(pid)
  process.kill(pid, signal)
  while (killed && isAlive(killed)) await new Promise((again) => setTimeout(again, 5))
}

function workers(parent: number | undefined): number[] {
  return childrenOf(parent).filter((pid) => command(pid).includes('tidemark_worker'))
}

function childrenOf(parent: number | undefined): number[] {
  if (parent === undefined) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent)
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

function command(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}
