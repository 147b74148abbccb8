import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { PRELOADED, type PythonEnvironment } from './environments.ts'
import { workerError } from './errors.ts'
import type { Account } from './place.ts'
import type { LogLine, Outcome, WorkerCommand, WorkerEvent } from './protocol.ts'

const READY_TIMEOUT_MILLISECONDS = 60_000
const LOG_LINES_KEPT = 20

/** Who listens to one task. */
export interface Listener {
  readonly onLog: (line: LogLine) => void
  readonly onMessage: (message: unknown) => void
  readonly onDone: (outcome: Outcome | { readonly kind: 'worker_died'; readonly cause: string }) => void
}

/** The environment of a worker, made from nothing: it holds no address and no secret of the platform. */
export function workerVariables(home: string, sources: string): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    USER: 'tidemark-worker',
    LOGNAME: 'tidemark-worker',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    PYTHONPATH: sources,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    // One thread a process: forking with a thread pool is unsafe, and tasks share the machine.
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
    MKL_NUM_THREADS: '1',
    // mlflow would report its use to its makers.
    MLFLOW_DISABLE_TELEMETRY: 'true',
    DO_NOT_TRACK: 'true',
    GIT_PYTHON_REFRESH: 'quiet',
  }
}

/** One preloaded Python process that forks a child for each task. It ends when this process does, however that ends. */
export class Worker {
  readonly pid: number
  /** Settles when the process has ended. */
  readonly exited: Promise<void>
  private readonly child: ChildProcess
  private readonly listeners = new Map<number, Listener>()
  /** Process groups of the running tasks. */
  private readonly groups = new Map<number, number>()
  private lastLines: string[] = []
  private nextTask = 1
  private dead: string | undefined

  private constructor(child: ChildProcess) {
    this.child = child
    this.pid = child.pid ?? -1
    this.exited = new Promise((resolve) => child.on('close', () => resolve()))
  }

  /**
   * Starts a worker; it is ready when its libraries are imported (about 2 s).
   * @throws WORKER_NOT_STARTED
   */
  static async start(environment: PythonEnvironment, account: Account, sources: string): Promise<Worker> {
    const child = spawn(environment.python, ['-s', '-P', '-m', 'tidemark_worker', ...PRELOADED], {
      ...account.drop,
      cwd: '/',
      env: workerVariables('/nonexistent', sources),
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    })
    const worker = new Worker(child)
    const ready = worker.listen()
    const timer = setTimeout(() => child.kill('SIGKILL'), READY_TIMEOUT_MILLISECONDS)
    await ready.finally(() => clearTimeout(timer))
    return worker
  }

  /** Tasks that run. */
  get running(): number {
    return this.listeners.size
  }

  /** Starts a task; `cancel` takes the number it gives. */
  run(command: Omit<Extract<WorkerCommand, { do: 'run' }>, 'do' | 'task'>, listener: Listener): number {
    const task = this.nextTask++
    if (this.dead !== undefined) {
      listener.onDone({ kind: 'worker_died', cause: this.dead })
      return task
    }
    this.listeners.set(task, listener)
    this.command({ do: 'run', task, ...command })
    return task
  }

  /** The process of a task that runs. */
  pidOf(task: number): number | undefined {
    return this.groups.get(task)
  }

  /** Kills a task's whole process group. */
  cancel(task: number): void {
    this.command({ do: 'cancel', task })
  }

  /** Ends the worker and every task. */
  async stop(): Promise<void> {
    if (this.dead !== undefined) return
    this.child.stdin?.end()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 2_000)
    await this.exited.finally(() => clearTimeout(timer))
  }

  private command(command: WorkerCommand): void {
    if (this.dead === undefined) this.child.stdin?.write(`${JSON.stringify(command)}\n`)
  }

  private listen(): Promise<void> {
    const { child } = this
    child.stdin?.on('error', () => {})
    for (const stream of [child.stdout, child.stderr])
      if (stream)
        createInterface({ input: stream }).on('line', (line) => {
          this.lastLines = [...this.lastLines, line].slice(-LOG_LINES_KEPT)
        })
    return new Promise((resolve, reject) => {
      const events = child.stdio[3] as Readable
      createInterface({ input: events }).on('line', (line) => {
        // Written by our own fork server: model code has no way to descriptor 3.
        const event = JSON.parse(line) as WorkerEvent
        if (event.said === 'ready') resolve()
        else this.dispatch(event)
      })
      child.on('error', (error) => this.died(error.message))
      child.on('close', (code, signal) => {
        this.died(signal ?? `exit code ${code}`)
        reject(workerError('WORKER_NOT_STARTED', this.lastLines.join('\n')))
      })
    })
  }

  private dispatch(event: Exclude<WorkerEvent, { said: 'ready' }>): void {
    const listener = this.listeners.get(event.task)
    if (listener === undefined) return
    switch (event.said) {
      case 'started':
        this.groups.set(event.task, event.pid)
        return
      case 'log':
        listener.onLog({ stream: event.stream, line: event.line })
        return
      case 'message':
        listener.onMessage(event.message)
        return
      case 'done':
        this.listeners.delete(event.task)
        this.groups.delete(event.task)
        listener.onDone(event.outcome)
    }
  }

  private died(cause: string): void {
    this.dead = cause
    // The kernel ended the tasks with their parent; what they had started is still there.
    for (const group of this.groups.values()) killGroup(group)
    this.groups.clear()
    const waiting = [...this.listeners.values()]
    this.listeners.clear()
    for (const listener of waiting) listener.onDone({ kind: 'worker_died', cause })
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // None of the group is left.
  }
}
