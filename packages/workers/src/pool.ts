import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { PythonEnvironment } from './environments.ts'
import { workerError } from './errors.ts'
import { copyForWorkers, giveToWorkers, requireReach, stageSources, taskFolder, workerFolder } from './folders.ts'
import { ServedModel } from './model.ts'
import { type Account, cacheFolder, workerAccount } from './place.ts'
import { errorOfOutcome, type Gap, type Limits, type LogLine, type ResultOf, type Task } from './protocol.ts'
import { Worker, workerVariables } from './worker.ts'

export interface PoolOptions {
  readonly environment: PythonEnvironment
  /** A worker without tasks ends after so long; the next task starts another. */
  readonly idleSeconds?: number
  /** Tasks that run at once; others wait their turn. Served models do not count. */
  readonly concurrency?: number
  readonly account?: Account
}

export interface RunOptions {
  readonly onLog?: (line: LogLine) => void
  readonly signal?: AbortSignal
  readonly timeoutSeconds?: number
}

/** Importing a large library takes a third of it on a machine that is busy. */
const CONVERSION_SECONDS = 120
const DEFAULT_LIMITS: Limits = { openFiles: 1024 }
/** A model answers: it writes no large file and starts no crowd, whatever its code tries. */
const SERVED_LIMITS: Limits = { ...DEFAULT_LIMITS, fileBytes: 2 ** 30, processes: 4096 }

/** Runs Python tasks of one environment, each in a process of its own forked from a preloaded one. */
export class WorkerPool {
  private readonly options: PoolOptions
  private readonly account: Account
  private readonly cache: string
  private readonly tasks: string
  private worker: Promise<Worker> | undefined
  private idle: NodeJS.Timeout | undefined
  private active = 0
  private running = 0
  private readonly queue: (() => void)[] = []
  private closed = false

  constructor(options: PoolOptions) {
    this.options = options
    this.account = options.account ?? workerAccount()
    this.cache = cacheFolder(this.account)
    this.tasks = taskFolder(this.cache)
  }

  /**
   * Runs one task to its end.
   * @throws TASK_FAILED with Python's traceback, TASK_TIMED_OUT, TASK_CANCELLED, TASK_KILLED, WORKER_DIED
   */
  async run<T extends Task>(task: T, options: RunOptions = {}): Promise<ResultOf<T>> {
    await this.turn(options.signal)
    const scratch = workerFolder(this.account, this.tasks)
    try {
      const prepared = this.prepare(task, scratch)
      const timeoutSeconds = options.timeoutSeconds ?? (task.kind === 'convert' ? CONVERSION_SECONDS : undefined)
      const value = await this.execute(task, prepared, { ...options, ...(timeoutSeconds ? { timeoutSeconds } : {}) })
      prepared.collect()
      return value as ResultOf<T>
    } finally {
      rmSync(scratch, { recursive: true, force: true })
      this.running -= 1
      this.queue.shift()?.()
    }
  }

  /**
   * Loads a model into a process of its own that answers until it is closed.
   * @throws MODEL_NOT_LOADED
   */
  async serve(
    modelDir: string,
    options: { gap?: Gap; limits?: Limits; onLog?: (line: LogLine) => void } = {},
  ): Promise<ServedModel> {
    const worker = await this.ensureWorker()
    const scratch = workerFolder(this.account, this.tasks)
    this.use()
    const onEnd = () => {
      rmSync(scratch, { recursive: true, force: true })
      this.release()
    }
    try {
      const command = {
        kind: 'serve' as const,
        arguments: {
          modelDir: copyForWorkers(this.account, modelDir, join(scratch, 'model')),
          gap: options.gap ?? 'request',
        },
        env: this.taskVariables(scratch),
        limits: { ...SERVED_LIMITS, ...options.limits },
        workDir: scratch,
        seed: null,
      }
      const { account } = this
      const onLog = options.onLog ?? (() => {})
      return await ServedModel.start({ worker, account, folder: scratch, command, onLog, onEnd })
    } catch (error) {
      onEnd()
      throw error
    }
  }

  /** Pid of the preloaded process, for tests and diagnosis; undefined when none runs. */
  async workerPid(): Promise<number | undefined> {
    return (await this.worker)?.pid
  }

  /** Ends every task and the worker. */
  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.idle)
    for (const waiting of this.queue.splice(0)) waiting()
    const worker = await this.worker?.catch(() => undefined)
    await worker?.stop()
  }

  private async turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.running >= (this.options.concurrency ?? 2)) await new Promise<void>((resolve) => this.queue.push(resolve))
    this.running += 1
    try {
      if (this.closed) throw workerError('POOL_CLOSED')
      if (signal?.aborted) throw workerError('TASK_CANCELLED')
    } catch (error) {
      this.running -= 1
      this.queue.shift()?.()
      throw error
    }
  }

  /** Puts what a task reads where the workers' user may read it, and says how its results come back. */
  private prepare(
    task: Task,
    scratch: string,
  ): { workDir: string; arguments: Record<string, unknown>; collect: () => void } {
    switch (task.kind) {
      case 'run_step': {
        mkdirSync(task.workDir, { recursive: true })
        giveToWorkers(this.account, task.workDir)
        requireReach(this.account, task.workDir)
        const { codeDir, entry, workDir, inputs, parameters, seed } = task
        const code = copyForWorkers(this.account, codeDir, join(scratch, 'code'))
        return { workDir, arguments: { codeDir: code, entry, workDir, inputs, parameters, seed }, collect: () => {} }
      }
      case 'predict': {
        const modelDir = copyForWorkers(this.account, task.modelDir, join(scratch, 'model'))
        const inputFile = copyForWorkers(this.account, task.inputFile, join(scratch, basename(task.inputFile)))
        const outputFile = join(scratch, 'predictions.ndjson')
        const collect = () => copyFileSync(outputFile, task.outputFile)
        return { workDir: scratch, arguments: { modelDir, gap: task.gap, inputFile, outputFile }, collect }
      }
      case 'convert': {
        const modelDir = copyForWorkers(this.account, task.modelDir, join(scratch, 'model'))
        const sampleFile = task.sampleFile && this.copied(task.sampleFile, scratch)
        const collect = () => {
          mkdirSync(task.outDir, { recursive: true })
          for (const file of ['model.onnx', 'input-map.json', 'parity.ndjson'])
            copyFileSync(join(scratch, file), join(task.outDir, file))
        }
        return { workDir: scratch, arguments: { modelDir, sampleFile, outDir: scratch }, collect }
      }
      case 'explain':
      case 'importance': {
        const modelDir = copyForWorkers(this.account, task.modelDir, join(scratch, 'model'))
        const sampleFile = task.sampleFile && this.copied(task.sampleFile, scratch)
        const { gap } = task
        const rows = task.kind === 'explain' ? { rows: task.rows, lacking: task.lacking } : {}
        return { workDir: scratch, arguments: { modelDir, gap, sampleFile, ...rows }, collect: () => {} }
      }
    }
  }

  private copied(file: string, folder: string): string {
    return copyForWorkers(this.account, file, join(folder, basename(file)))
  }

  private async execute(
    task: Task,
    prepared: { workDir: string; arguments: Record<string, unknown> },
    options: RunOptions,
  ): Promise<unknown> {
    const worker = await this.ensureWorker()
    this.use()
    let ended: 'timed_out' | 'cancelled' | undefined
    let timer: NodeJS.Timeout | undefined
    let onAbort = () => {}
    try {
      return await new Promise<unknown>((resolve, reject) => {
        const command = {
          kind: task.kind,
          arguments: prepared.arguments,
          env: { ...this.taskVariables(prepared.workDir), ...(task.kind === 'run_step' ? task.env : {}) },
          limits: { ...DEFAULT_LIMITS, ...task.limits },
          workDir: prepared.workDir,
          seed: task.kind === 'run_step' ? task.seed : 0,
        }
        const id = worker.run(command, {
          onLog: options.onLog ?? (() => {}),
          onMessage: () => {},
          onDone: (outcome) => {
            if (outcome.kind === 'result') resolve(outcome.value)
            else if (ended === 'timed_out') reject(workerError('TASK_TIMED_OUT', options.timeoutSeconds ?? 0))
            else if (ended === 'cancelled') reject(workerError('TASK_CANCELLED'))
            else if (outcome.kind === 'worker_died') reject(workerError('WORKER_DIED', outcome.cause))
            else reject(errorOfOutcome(outcome))
          },
        })
        const stop = (why: 'timed_out' | 'cancelled') => {
          ended ??= why
          worker.cancel(id)
        }
        onAbort = () => stop('cancelled')
        options.signal?.addEventListener('abort', onAbort)
        if (options.signal?.aborted) onAbort()
        if (options.timeoutSeconds !== undefined)
          timer = setTimeout(() => stop('timed_out'), options.timeoutSeconds * 1000)
      })
    } finally {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
      this.release()
    }
  }

  private taskVariables(home: string): Record<string, string> {
    return { ...workerVariables(home, stageSources(this.cache)), TMPDIR: home }
  }

  private ensureWorker(): Promise<Worker> {
    if (this.closed) throw workerError('POOL_CLOSED')
    clearTimeout(this.idle)
    if (this.worker === undefined) {
      const starting = Worker.start(this.options.environment, this.account, stageSources(this.cache))
      const forget = () => {
        if (this.worker === starting) this.worker = undefined
      }
      starting.then((worker) => worker.exited.then(forget), forget)
      this.worker = starting
    }
    return this.worker
  }

  private use(): void {
    this.active += 1
    clearTimeout(this.idle)
  }

  private release(): void {
    this.active -= 1
    if (this.active > 0 || this.closed) return
    this.idle = setTimeout(
      () => {
        const worker = this.worker
        this.worker = undefined
        void worker?.then((running) => running.stop()).catch(() => {})
      },
      (this.options.idleSeconds ?? 60) * 1000,
    )
    this.idle.unref()
  }
}
