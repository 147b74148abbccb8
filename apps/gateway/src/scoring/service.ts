import type { IncomingHttpHeaders } from 'node:http'
import { type AnswerRecord, answerOf, type LimitsPolicy, uuidv7 } from '@tidemark/contracts'
import type { Kept, PolicyLog } from '../log/policy.ts'
import type { Rechecks } from '../recheck/rechecks.ts'
import type { Router } from '../routing/router.ts'
import type { Frame } from '../runtimes/model.ts'
import type { LoadedVersion, Models } from '../runtimes/models.ts'
import { endpointKey, type ServedEndpoint } from '../snapshot/serving.ts'
import type { Log } from '../telemetry.ts'
import { type Admission, DEFAULT_LIMITS } from './admission.ts'
import { LogUnavailable, NotForSignature } from './errors.ts'
import type { Mirror } from './mirror.ts'
import { type Outcome, outcomeFields, predict } from './predictor.ts'
import type { Tallies } from './tally.ts'

export interface ScoringParts {
  readonly models: Models
  readonly log: PolicyLog
  readonly mirror: Mirror
  readonly tallies: Tallies
  readonly admission: Admission
  readonly rechecks: Rechecks
  readonly out: Log
  readonly router: Router
}

/** A request whose input was checked. */
export interface Question {
  readonly endpoint: ServedEndpoint
  /** The version that the caller asked for by its number; null: whoever is to answer. */
  readonly pinned: LoadedVersion | null
  readonly requestId: string
  readonly trace: string | null
  readonly arrivedAt: number
  /** When it arrived by the clock of `performance.now()`. */
  readonly startedAt: number
  readonly parseMs: number
  readonly validateMs: number
  /** Milliseconds from the arrival after which the caller no longer waits; null: as long as the endpoint allows. */
  readonly timeoutMs: number | null
  readonly caller: string | null
  /** Of the request: rules of a rollout may look at them. */
  readonly headers: IncomingHttpHeaders
  /** Milliseconds since 1970. */
  readonly eventTime: number
  /** One for each row. */
  readonly entities: readonly (string | null)[]
  readonly frame: Frame
  /** The rows as the caller wrote them, where that is the JSON that the log keeps. */
  readonly rowsText: string | Uint8Array | undefined
}

export interface Answer {
  readonly id: string
  readonly version: string
  readonly outcome: Outcome
  /** The predictions as the answer has them, in JSON; undefined when the version failed. */
  readonly text: string | undefined
  readonly timings: {
    readonly parse: number
    readonly validate: number
    readonly queue: number
    readonly infer: number
    readonly log: number
  }
  readonly kept: Kept
}

/** Answers questions: waits for a place, routes, predicts, logs, and only then returns. */
export class Scoring {
  private readonly parts: ScoringParts
  /** The names of an endpoint's columns as JSON, by the list that its frames share. */
  private readonly columnTexts = new WeakMap<readonly string[], string>()

  constructor(parts: ScoringParts) {
    this.parts = parts
  }

  /**
   * @throws Overloaded, QueuedTooLong before the version was asked; NotForSignature when it found the caller's mistake; LogUnavailable when the record could not be written: then there is no answer
   */
  async answer(question: Question): Promise<Answer> {
    const { admission } = this.parts
    const { spec } = question.endpoint
    const limits = spec.limits ?? DEFAULT_LIMITS
    const key = endpointKey(spec.workspace, spec.name)
    const queuedAt = performance.now()
    const endsAt = question.startedAt + timeoutOf(question, limits)
    const turn = admission.enter(key, limits, endsAt - queuedAt)
    if (turn) await turn
    try {
      return await this.predictAndLog(question, turn ? performance.now() - queuedAt : 0, endsAt)
    } finally {
      admission.leave(key)
    }
  }

  private async predictAndLog(question: Question, queueMs: number, endsAt: number): Promise<Answer> {
    const { models, log, mirror, rechecks, tallies, admission, out, router } = this.parts
    const { endpoint, requestId, arrivedAt, caller, headers, frame, pinned, parseMs, validateMs } = question
    const { spec } = endpoint
    const id = uuidv7(arrivedAt)
    const { columns, rows } = frame
    // Who names a version is nobody's evidence.
    const { version, rollout, mirrored, limits } = pinned
      ? { version: pinned, rollout: null, mirrored: [], limits: undefined }
      : router.route(endpoint, { id, caller, headers, columns, rows })
    const outcome = await predict(models, version, frame, endsAt)
    // As what this process finds itself: no evidence against the version, and nothing to log.
    if (outcome.kind === 'failed' && outcome.how === 'refused') throw NotForSignature(outcome.error)
    const record: AnswerRecord = {
      kind: 'answer',
      id,
      workspace: spec.workspace,
      endpoint: spec.name,
      arrivedAt,
      eventTime: question.eventTime,
      requestId,
      caller,
      entities: question.entities as (string | null)[],
      version: version.version,
      runtime: version.model.kind,
      rollout,
      // Shared with the frame, not copied: nobody changes either.
      columns: frame.columns as string[],
      rows: frame.rows as AnswerRecord['rows'],
      ...(frame.kind === 'tensors' ? { input: 'tensors' as const } : {}),
      ...(frame.params ? { params: { ...frame.params } } : {}),
      ...outcomeFields(outcome),
      timings: {
        parse: rounded(parseMs),
        validate: rounded(validateMs),
        queue: rounded(queueMs),
        infer: rounded(outcome.milliseconds),
      },
    }
    if (question.trace !== null) record.trace = question.trace
    const predictions = record.predictions === null ? 'null' : JSON.stringify(record.predictions)
    const logStart = performance.now()
    let kept: Kept
    try {
      const texts = { columns: this.columnsText(frame.columns), rows: question.rowsText, predictions }
      kept = await log.append(record, texts, admission.running === 1)
    } catch (error) {
      out.error({ err: error, requestId }, 'the prediction log cannot be written')
      throw LogUnavailable()
    }
    const end = performance.now()
    const tally = tallies.of(spec.workspace, spec.name, version.version)
    tally.lastAt = arrivedAt
    tally.rows += frame.rows.length
    tally.parseMs += parseMs + validateMs
    tally.queueMs += queueMs
    tally.took(end - question.startedAt)
    if (outcome.kind === 'predicted') {
      tally.predicted += 1
      tally.inferMs += outcome.milliseconds
    } else {
      tally.failed += 1
      tally.failedMs += outcome.milliseconds
      const { trace } = question
      out.warn({ requestId, trace, prediction: id, version: version.version, reason: outcome.error }, 'version failed')
    }
    if (outcome.kind === 'predicted' && version.model.kind === 'onnx') {
      const { workspace, name: endpointName, recheck: policy } = spec
      const { values } = outcome.predictions
      rechecks.offer({ prediction: id, workspace, endpoint: endpointName, version, policy, frame, values })
    }
    for (const other of mirrored) mirror.add({ answer: record, ...other, limits })
    const timings = {
      parse: parseMs,
      validate: validateMs,
      queue: queueMs,
      infer: outcome.milliseconds,
      log: end - logStart,
    }
    return { id, version: version.version, outcome, text: textOf(outcome, predictions), timings, kept }
  }

  private columnsText(columns: readonly string[]): string {
    const known = this.columnTexts.get(columns)
    if (known !== undefined) return known
    const text = JSON.stringify(columns)
    this.columnTexts.set(columns, text)
    return text
  }
}

/** The answer's JSON, which is the record's where the values are simply listed. */
function textOf(outcome: Outcome, recorded: string): string | undefined {
  if (outcome.kind === 'failed') return undefined
  const { values, form } = outcome.predictions
  return form === undefined ? recorded : JSON.stringify(answerOf(values, form))
}

function timeoutOf({ timeoutMs }: Question, { timeoutSeconds }: LimitsPolicy): number {
  const allowed = timeoutSeconds * 1000
  return timeoutMs === null ? allowed : Math.min(timeoutMs, allowed)
}

const rounded = (milliseconds: number) => Math.round(milliseconds * 1000) / 1000
