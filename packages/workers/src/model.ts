import { WorkerError, workerError } from './errors.ts'
import { errorOfOutcome, type LogLine, type Outcome, type RowResult, type WorkerCommand } from './protocol.ts'
import type { Worker } from './worker.ts'

/** A column of a model's signature, with MLflow's name of its type. */
export interface ModelColumn {
  readonly name: string
  readonly type: string
  readonly required: boolean
}
type Row = Readonly<Record<string, unknown>>

interface Waiting {
  readonly rows: readonly Row[]
  readonly resolve: (results: RowResult[]) => void
  readonly reject: (error: Error) => void
}

const MAX_BATCH_ROWS = 1_000

/**
 * A model loaded in a process of its own. One batch is in it at a time; what was asked meanwhile is its next batch, without a
 * timer: nothing is slower when alone, and a crowd shares the model's fixed cost.
 */
export class ServedModel {
  readonly columns: readonly ModelColumn[]
  private readonly worker: Worker
  private readonly task: number
  private readonly waiting: Waiting[] = []
  private inFlight: readonly Waiting[] = []
  private batch = 0
  private ended: WorkerError | undefined
  private readonly exits: ((error: WorkerError) => void)[] = []

  private constructor(worker: Worker, task: number, columns: readonly ModelColumn[]) {
    this.worker = worker
    this.task = task
    this.columns = columns
  }

  /** @throws MODEL_NOT_LOADED */
  static start(
    worker: Worker,
    command: Omit<Extract<WorkerCommand, { do: 'run' }>, 'do' | 'task'>,
    onLog: (line: LogLine) => void,
    onEnd: () => void,
  ): Promise<ServedModel> {
    return new Promise((resolve, reject) => {
      let model: ServedModel | undefined
      const task = worker.run(command, {
        onLog,
        onMessage: (message) => {
          if (model === undefined) {
            model = new ServedModel(worker, task, (message as { columns: ModelColumn[] }).columns)
            resolve(model)
          } else model.answered(message as { batch: number; results: RowResult[] })
        },
        onDone: (outcome) => {
          onEnd()
          const error = errorOfEnd(outcome)
          if (model === undefined)
            reject(
              new WorkerError(
                'MODEL_NOT_LOADED',
                workerError('MODEL_NOT_LOADED', error.message).message,
                error.traceback,
              ),
            )
          else model.end(error)
        },
      })
    })
  }

  get alive(): boolean {
    return this.ended === undefined
  }

  /** Called once when the process ended, however it did. Start another then. */
  onExit(listener: (error: WorkerError) => void): void {
    if (this.ended) listener(this.ended)
    else this.exits.push(listener)
  }

  /**
   * One result a row, in order. A row's error is its own.
   * @throws WORKER_DIED, TASK_KILLED when the process ended: the rows were not answered
   */
  predict(rows: readonly Row[]): Promise<RowResult[]> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended)
      if (rows.length === 0) return resolve([])
      this.waiting.push({ rows, resolve, reject })
      if (this.inFlight.length === 0) this.next()
    })
  }

  /** Ends the process when the rows in it are answered. */
  close(): void {
    this.worker.end(this.task)
  }

  /** Ends the process at once. */
  kill(): void {
    this.worker.cancel(this.task)
  }

  private next(): void {
    const taken: Waiting[] = []
    let rows = 0
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      if (taken.length > 0 && rows + first.rows.length > MAX_BATCH_ROWS) break
      rows += first.rows.length
      taken.push(first)
      this.waiting.shift()
    }
    this.inFlight = taken
    if (taken.length > 0)
      this.worker.send(this.task, { batch: ++this.batch, rows: taken.flatMap((asked) => asked.rows) })
  }

  private answered(answer: { batch: number; results: RowResult[] }): void {
    let from = 0
    const taken = this.inFlight
    this.inFlight = []
    for (const asked of taken) {
      asked.resolve(answer.results.slice(from, from + asked.rows.length))
      from += asked.rows.length
    }
    this.next()
  }

  private end(error: WorkerError): void {
    this.ended = error
    for (const asked of [...this.inFlight, ...this.waiting.splice(0)]) asked.reject(error)
    this.inFlight = []
    for (const listener of this.exits) listener(error)
  }
}

function errorOfEnd(outcome: Outcome | { kind: 'worker_died'; cause: string }): WorkerError {
  switch (outcome.kind) {
    case 'result':
      return workerError('WORKER_DIED', 'closed')
    case 'worker_died':
      return workerError('WORKER_DIED', outcome.cause)
    default:
      return errorOfOutcome(outcome)
  }
}
