import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { cliError } from '../errors.ts'
import { openLog } from './journal.ts'
import type { Part, Running } from './keep.ts'

/** A Node program of the platform: what it runs, what it is told, and how one sees that it serves. */
export interface Program<Name extends string = string> {
  readonly name: Name
  readonly entry: string
  /** V8's semi-space, megabytes: the smaller, the less memory, and the more often what is in use is copied. */
  readonly youngMegabytes: number
  readonly environment: NodeJS.ProcessEnv
  /** The rest of its environment, said over the IPC channel once it is known. When it never is, whoever waits for it ends the start. */
  readonly later?: Promise<NodeJS.ProcessEnv>
  readonly logsDir: string
  /** Answers 200 when the program serves; asked only while the program has not said so itself over the IPC channel. */
  readonly readyUrl: string
  /** Time to end by itself after SIGTERM, before SIGKILL. */
  readonly stopSeconds: number
}

/** A program, and who wants to know the pid of each of its processes. */
export interface WatchedProgram extends Program {
  onSpawn(pid: number): void
  /** Hears of an admin token that the program made. It comes by the IPC channel, because its output is a log. */
  onAdminToken?(token: string): void
}

/** Seconds for a first start, migrations of a large database included. */
const READY_SECONDS = 120

/**
 * The flags of server and gateway: source runs without a build; --optimize-for-size saves nothing and doubles the time to start. V8 keeps the pages that
 * its heap once had: after long answers 217 MB of memory with its own growth, 130 when a collection comes at 1.8 times what lives, which costs
 * a fifth more for answers of 10,000 values and nothing that one can see for others. The server gives back what remains when it is quiet.
 */
const NODE_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '-C',
  '@tidemark/source',
  '--heap-growing-percent=80',
  '--expose-gc',
]

function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`
}

function saysReady(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'ready' in message && message.ready === true
}

function saysAdminToken(message: unknown): string | undefined {
  if (typeof message !== 'object' || message === null || !('adminToken' in message)) return undefined
  return typeof message.adminToken === 'string' ? message.adminToken : undefined
}

/** Resolves when the program says that it is ready, or answers its readiness question with 200. */
async function becomesReady(child: ChildProcess, url: string, over: AbortSignal): Promise<void> {
  const said = new Promise<void>((done) => {
    child.on('message', (message) => {
      if (saysReady(message)) done()
    })
  })
  const answered = async (): Promise<void> => {
    while (!over.aborted) {
      await sleep(250)
      const response = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined)
      await response?.body?.cancel()
      if (response?.status === 200) return
    }
  }
  await Promise.race([said, answered()])
}

function lastLines(path: string): string {
  return readFileSync(path, 'utf8').slice(-8000).trimEnd().split('\n').slice(-12).join('\n')
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((done) => {
    child.once('exit', (code, signal) => done(describeEnd(code, signal)))
    child.once('error', (error) => done(`could not be started (${error.message})`))
  })
}

async function stopChild(child: ChildProcess, exited: Promise<string>, seconds: number): Promise<void> {
  const patience = new AbortController()
  child.kill('SIGTERM')
  const late = sleep(seconds * 1000, 'late' as const, { signal: patience.signal }).catch(() => 'ended' as const)
  const outcome = await Promise.race([late, exited.then(() => 'ended' as const)])
  patience.abort()
  if (outcome === 'late') child.kill('SIGKILL')
  await exited
}

/**
 * A program as a part that can be kept running. Its output goes straight to `logs/NAME.log`, so it outlives the supervisor's pipes;
 * the IPC channel is how it notices that the supervisor is gone.
 */
export function programPart(program: WatchedProgram): Part {
  return {
    name: program.name,
    start: async (giveUp) => {
      const log = openLog(program.logsDir, `${program.name}.log`)
      const child = spawn(
        process.execPath,
        [...NODE_FLAGS, `--max-semi-space-size=${program.youngMegabytes}`, program.entry],
        {
          env: program.environment,
          // A session of its own: Ctrl-C reaches the supervisor alone, which ends its parts in order.
          detached: true,
          stdio: ['ignore', log.fd, log.fd, 'ipc'],
        },
      )
      closeSync(log.fd)
      const exited = endOf(child)
      if (child.pid !== undefined) program.onSpawn(child.pid)
      child.on('message', (message) => {
        const token = saysAdminToken(message)
        if (token !== undefined) program.onAdminToken?.(token)
      })
      void program.later?.then(
        (settings) => child.connected && child.send({ settings }),
        () => {},
      )
      const over = new AbortController()
      const gaveUp = new Promise<string>((done) => {
        if (giveUp.aborted) done('was stopped while starting')
        giveUp.addEventListener('abort', () => done('was stopped while starting'), { once: true })
      })
      const late = sleep(READY_SECONDS * 1000, undefined, { signal: over.signal }).then(
        () => `was not ready after ${READY_SECONDS} s`,
        () => 'is ready',
      )
      const ready = becomesReady(child, program.readyUrl, over.signal).then(() => 'ready' as const)
      const outcome = await Promise.race([ready, exited, gaveUp, late])
      over.abort()
      const running: Running = {
        pid: child.pid ?? 0,
        exited,
        stop: () => stopChild(child, exited, program.stopSeconds),
      }
      if (outcome === 'ready') return running
      if (child.pid !== undefined) await running.stop()
      throw cliError('NOT_STARTED', program.name, outcome, log.path, lastLines(log.path))
    },
  }
}
