import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { cliError } from '../errors.ts'
import { listenerOf } from './process-table.ts'

/** Whether one may listen there: tried, not looked up. */
export function tryPort(
  host: string,
  port: number,
): Promise<{ kind: 'free' } | { kind: 'taken' | 'refused'; reason: string }> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve({ kind: error.code === 'EADDRINUSE' ? 'taken' : 'refused', reason: error.code ?? error.message })
    })
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve({ kind: 'free' })))
  })
}

/**
 * @param patienceMs how long a taken port may become free: the threads of a program that has just ended hold its port a moment longer than it lives
 * @throws PORT_TAKEN, PORT_REFUSED
 */
export async function requirePort(host: string, port: number, flag: string, patienceMs = 0): Promise<void> {
  const started = performance.now()
  let answer = await tryPort(host, port)
  while (answer.kind === 'taken' && performance.now() - started < patienceMs) {
    await sleep(20)
    answer = await tryPort(host, port)
  }
  if (answer.kind === 'taken') throw cliError('PORT_TAKEN', port, listenerOf(port), flag)
  if (answer.kind === 'refused') throw cliError('PORT_REFUSED', port, answer.reason, flag)
}
