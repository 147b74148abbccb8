import type { IncomingHttpHeaders } from 'node:http'
import { type AnswerRecord, uuidv7 } from '@tidemark/contracts'
import type { Kept, PolicyLog } from '../log/policy.ts'
import type { Router } from '../routing/router.ts'
import type { Frame } from '../runtimes/model.ts'
import type { Models } from '../runtimes/models.ts'
import type { ServedEndpoint } from '../snapshot/serving.ts'
import type { Log, Telemetry } from '../telemetry.ts'
import { LogUnavailable } from './errors.ts'
import type { Mirror } from './mirror.ts'
import { type Outcome, outcomeFields, predict } from './predictor.ts'

export interface ScoringParts {
  readonly models: Models
  readonly log: PolicyLog
  readonly mirror: Mirror
  readonly telemetry: Telemetry
  readonly out: Log
  readonly router: Router
}

/** A request whose input was checked. */
export interface Question {
  readonly endpoint: ServedEndpoint
  readonly requestId: string
  readonly arrivedAt: number
  readonly caller: string | null
  /** Of the request: rules of a rollout may look at them. */
  readonly headers: IncomingHttpHeaders
  /** Milliseconds since 1970. */
  readonly eventTime: number
  /** One for each row. */
  readonly entities: readonly (string | null)[]
  readonly frame: Frame
}

export interface Answer {
  readonly id: string
  readonly version: string
  readonly outcome: Outcome
  readonly logMilliseconds: number
  readonly kept: Kept
}

/** Answers questions: routes, predicts, logs, and only then returns. */
export class Scoring {
  private readonly parts: ScoringParts

  constructor(parts: ScoringParts) {
    this.parts = parts
  }

  /** @throws LogUnavailable when the record could not be written: then there is no answer. */
  async answer(question: Question): Promise<Answer> {
    const { models, log, mirror, telemetry, out, router } = this.parts
    const { endpoint, requestId, arrivedAt, caller, headers, frame } = question
    const { spec } = endpoint
    const id = uuidv7(arrivedAt)
    const { columns, rows } = frame
    const { version, rollout, mirrored, limits } = router.route(endpoint, { id, caller, headers, columns, rows })
    const outcome = await predict(models, version, frame)
    const record: AnswerRecord = {
      kind: 'answer',
      id,
      workspace: spec.workspace,
      endpoint: spec.name,
      arrivedAt,
      eventTime: question.eventTime,
      requestId,
      caller,
      entities: [...question.entities],
      version: version.version,
      runtime: version.model.kind,
      rollout,
      columns: [...frame.columns],
      rows: frame.rows.map((row) => [...row]),
      ...(frame.kind === 'tensors' ? { input: 'tensors' as const } : {}),
      ...(frame.params ? { params: { ...frame.params } } : {}),
      ...outcomeFields(outcome),
    }
    const logStart = performance.now()
    let kept: Kept
    try {
      kept = await log.append(record)
    } catch (error) {
      out.error({ err: error, requestId }, 'the prediction log cannot be written')
      throw LogUnavailable()
    }
    const logMilliseconds = performance.now() - logStart
    telemetry.predictions.labels(spec.name, version.version, outcome.kind).inc()
    telemetry.seconds.labels(spec.name, version.version).observe((Date.now() - arrivedAt) / 1000)
    if (outcome.kind === 'failed') {
      out.warn({ requestId, prediction: id, version: version.version, reason: outcome.error }, 'version failed')
    }
    for (const other of mirrored) mirror.add({ answer: record, ...other, limits })
    return { id, version: version.version, outcome, logMilliseconds, kept }
  }
}
