import type { AnswerRecord, MirrorLimits, MirrorRecord } from '@tidemark/contracts'
import { positionPercent } from '../routing/position.ts'
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
  /** What the rollout's mirror may cost; undefined: everything is mirrored. */
  readonly limits?: MirrorLimits | undefined
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
/** Nobody waits for a mirror, but one that never ends must not keep the others waiting for ever. */
const PATIENCE_MS = 60_000

/**
 * Asks the other version of a rollout the same question, off the request path: the caller never waits for it and never sees it fail. A thing that
 * was mirrored in this rollout is not asked again.
 */
export class Mirror {
  private readonly parts: MirrorParts
  /** By rollout, so that one at its limit holds up no other. */
  private readonly waiting = new Map<string, Task[]>()
  private waitingCount = 0
  private readonly seen = new SeenThings()
  /** Tasks that run, by rollout. */
  private readonly busy = new Map<string, number>()
  private running = 0
  private idle: (() => void)[] = []

  constructor(parts: MirrorParts) {
    this.parts = parts
  }

  add(task: Task): void {
    const { telemetry, maxWaiting = 4096 } = this.parts
    const { entities, endpoint } = task.answer
    const { rollout } = task.answer
    if (!rollout || !isInShare(task)) return
    const key = seenKey(rollout, task)
    if (!this.seen.note(key, entities)) return
    if (this.waitingCount >= maxWaiting) {
      this.seen.forget(key, entities)
      telemetry.mirrors.labels(endpoint, 'dropped').inc()
      return
    }
    const own = this.waiting.get(rollout.id)
    if (own) own.push(task)
    else this.waiting.set(rollout.id, [task])
    this.waitingCount += 1
    this.next()
  }

  /** Answers that are yet to be mirrored. */
  get size(): number {
    return this.waitingCount + this.running
  }

  /** Resolves when nothing waits and nothing runs, or after `limitMs`. */
  async drain(limitMs: number): Promise<void> {
    if (this.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, limitMs)
    this.idle.push(resolve)
    await promise
    clearTimeout(timer)
  }

  private next(): void {
    if (this.running >= CONCURRENCY) return
    const task = this.take()
    if (!task) {
      if (this.running === 0) for (const resolve of this.idle.splice(0)) resolve()
      return
    }
    const rollout = task.answer.rollout?.id ?? ''
    this.running += 1
    this.busy.set(rollout, (this.busy.get(rollout) ?? 0) + 1)
    void this.run(task).finally(() => {
      this.running -= 1
      const left = (this.busy.get(rollout) ?? 1) - 1
      if (left > 0) this.busy.set(rollout, left)
      else this.busy.delete(rollout)
      this.next()
    })
  }

  /** The first task of a rollout that may ask one more. */
  private take(): Task | undefined {
    for (const [rollout, tasks] of this.waiting) {
      const most = tasks[0]?.limits?.maxConcurrency ?? CONCURRENCY
      if ((this.busy.get(rollout) ?? 0) >= most) continue
      const task = tasks.shift()
      if (tasks.length === 0) this.waiting.delete(rollout)
      if (!task) continue
      this.waitingCount -= 1
      return task
    }
    return undefined
  }

  private async run(task: Task): Promise<void> {
    const { answer, version, arm } = task
    const { models, log, telemetry, out } = this.parts
    if (!answer.rollout) return
    const outcome = await predict(models, version, frameOf(answer), performance.now() + PATIENCE_MS)
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
      this.seen.forget(seenKey(answer.rollout, task), answer.entities)
      out.error({ err: error }, 'a mirrored prediction could not be logged')
      telemetry.mirrors.labels(answer.endpoint, 'dropped').inc()
    }
  }
}

/** The frame of an answer, as its record kept it. */
function frameOf({ input, columns, rows, params }: AnswerRecord): Frame {
  return { kind: input ?? 'table', columns, rows, params }
}

/** Where several versions are on trial each is asked about every thing. */
function seenKey({ id, weights }: NonNullable<AnswerRecord['rollout']>, { version }: Task): string {
  return weights === undefined ? id : `${id} ${version.version}`
}

/** Whether this thing is in the share that is mirrored: the same things for every version and every gateway. */
function isInShare({ answer, limits }: Task): boolean {
  if (!limits || limits.sharePercent >= 100) return true
  const thing = answer.entities.find((entity) => entity !== null) ?? answer.id
  return positionPercent(`${answer.rollout?.id} mirror`, thing) < limits.sharePercent
}
