import { WorkerError, workerError } from './errors.ts'
import {
  errorOfOutcome,
  type LogLine,
  type ModelAnswer,
  type ModelQuestion,
  type Outcome,
  type WorkerCommand,
} from './protocol.ts'
import type { Worker } from './worker.ts'

interface Waiting {
  readonly question: ModelQuestion
  readonly resolve: (answer: ModelAnswer) => void
  readonly reject: (error: Error) => void
}

const MAX_BATCH_ROWS = 1_000

/**
 * A model loaded in a process of its own. One batch is in it at a time; what was asked meanwhile is its next batch, without a
 * timer: nothing is slower when alone, and a crowd shares the model's fixed cost.
 */
export class ServedModel {
  private readonly worker: Worker
  private readonly task: number
  private readonly waiting: Waiting[] = []
  private inFlight: readonly Waiting[] = []
  private batch = 0
  private ended: WorkerError | undefined
  private readonly exits: ((error: WorkerError) => void)[] = []

  private constructor(worker: Worker, task: number) {
    this.worker = worker
    this.task = task
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
            model = new ServedModel(worker, task)
            resolve(model)
          } else model.answered(message as { answers: ModelAnswer[] })
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
   * What the model answers, or what it raised.
   * @throws WORKER_DIED, TASK_KILLED when the process ended: the question was not answered
   */
  predict(question: ModelQuestion): Promise<ModelAnswer> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended)
      if (question.rows.length === 0) return resolve({ values: [] })
      this.waiting.push({ question, resolve, reject })
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
      if (taken.length > 0 && rows + first.question.rows.length > MAX_BATCH_ROWS) break
      rows += first.question.rows.length
      taken.push(first)
      this.waiting.shift()
    }
    this.inFlight = taken
    if (taken.length > 0)
      this.worker.send(this.task, { batch: ++this.batch, questions: taken.map(({ question }) => question) })
  }

  private answered({ answers }: { answers: readonly ModelAnswer[] }): void {
    const taken = this.inFlight
    this.inFlight = []
    taken.forEach((asked, place) => {
      const answer = answers[place] ?? { error: 'It was not answered.' }
      asked.resolve(answer)
    })
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
