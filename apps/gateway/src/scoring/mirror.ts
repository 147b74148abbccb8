import type { AnswerRecord, MirrorRecord } from '@tidemark/contracts'
import type { Frame } from '../runtimes/model.ts'
import type { LoadedVersion, Models } from '../runtimes/models.ts'
import type { Log, Telemetry } from '../telemetry.ts'
import { outcomeFields, predict } from './predictor.ts'
import { SeenThings } from './seen.ts'

/** What was answered, and the other version, which is to be asked the same. */
export interface Task {
  readonly answer: AnswerRecord
  readonly version: LoadedVersion
  readonly arm: 'champion' | 'candidate'
}

export interface MirrorParts {
  readonly models: Models
  readonly log: { append(record: MirrorRecord): Promise<unknown> }
  readonly telemetry: Telemetry
  readonly out: Log
  /** Answers that may wait to be mirrored; beyond it new ones are dropped and counted. */
  readonly maxWaiting?: number
}

// Python models take their time in another process; models in this process are asked one after the other whatever this says.
const CONCURRENCY = 4

/**
 * Asks the other version of a rollout the same question, off the request path: the caller never waits for it and never sees it fail. A thing that
 * was mirrored in this rollout is not asked again.
 */
export class Mirror {
  private readonly parts: MirrorParts
  private readonly waiting: Task[] = []
  private readonly seen = new SeenThings()
  private running = 0
  private idle: (() => void)[] = []

  constructor(parts: MirrorParts) {
    this.parts = parts
  }

  add(task: Task): void {
    const { telemetry, maxWaiting = 4096 } = this.parts
    const { rollout, entities, endpoint } = task.answer
    if (!rollout || !this.seen.note(rollout.id, entities)) return
    if (this.waiting.length >= maxWaiting) {
      this.seen.forget(rollout.id, entities)
      telemetry.mirrors.labels(endpoint, 'dropped').inc()
      return
    }
    this.waiting.push(task)
    this.next()
  }

  /** Answers that are yet to be mirrored. */
  get size(): number {
    return this.waiting.length + this.running
  }

  /** Resolves when nothing waits and nothing runs, or after `limitMs`. */
  async drain(limitMs: number): Promise<void> {
    if (this.running === 0 && this.waiting.length === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, limitMs)
    this.idle.push(resolve)
    await promise
    clearTimeout(timer)
  }

  private next(): void {
    if (this.running >= CONCURRENCY) return
    const task = this.waiting.shift()
    if (!task) {
      if (this.running === 0) for (const resolve of this.idle.splice(0)) resolve()
      return
    }
    this.running += 1
    void this.run(task).finally(() => {
      this.running -= 1
      this.next()
    })
  }

  private async run({ answer, version, arm }: Task): Promise<void> {
    const { models, log, telemetry, out } = this.parts
    if (!answer.rollout) return
    const outcome = await predict(models, version, frameOf(answer))
    const record: MirrorRecord = {
      kind: 'mirror',
      id: answer.id,
      workspace: answer.workspace,
      endpoint: answer.endpoint,
      eventTime: answer.eventTime,
      caller: answer.caller,
      entities: answer.entities,
      version: version.version,
      rollout: { id: answer.rollout.id, stage: answer.rollout.stage, arm },
      ...outcomeFields(outcome),
    }
    try {
      await log.append(record)
      telemetry.mirrors.labels(answer.endpoint, outcome.kind).inc()
    } catch (error) {
      this.seen.forget(answer.rollout.id, answer.entities)
      out.error({ err: error }, 'a mirrored prediction could not be logged')
      telemetry.mirrors.labels(answer.endpoint, 'dropped').inc()
    }
  }
}

/** The frame of an answer, as its record kept it. */
function frameOf({ input, columns, rows, params }: AnswerRecord): Frame {
  return { kind: input ?? 'table', columns, rows, params }
}
