import { type AnswerRecord, uuidv7 } from '@tidemark/contracts'
import type { Kept, PolicyLog } from '../log/policy.ts'
import { route } from '../routing/decide.ts'
import { positionOf } from '../routing/position.ts'
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
  readonly leased: () => boolean
}

/** A request whose input was checked. */
export interface Question {
  readonly endpoint: ServedEndpoint
  readonly requestId: string
  readonly arrivedAt: number
  readonly caller: string | null
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
    const { models, log, mirror, telemetry, out, leased } = this.parts
    const { endpoint, requestId, arrivedAt, caller, frame } = question
    const { spec, champion, candidate } = endpoint
    const id = uuidv7(arrivedAt)
    // A caller that is not known is shared out by request.
    const choice = route(spec, positionOf(spec.routing, caller ?? id), {
      leased: leased(),
      candidateLoaded: candidate !== null,
    })
    const byCandidate = choice.kind === 'rollout' && choice.arm === 'candidate' && candidate !== null
    const version = byCandidate ? candidate : champion
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
      rollout:
        choice.kind === 'rollout'
          ? { id: choice.rollout, stage: choice.stage, arm: choice.arm, weightPercent: choice.weightPercent }
          : null,
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
    if (choice.kind === 'rollout' && candidate) {
      const other = byCandidate ? champion : candidate
      mirror.add({ answer: record, version: other, arm: byCandidate ? 'champion' : 'candidate' })
    }
    return { id, version: version.version, outcome, logMilliseconds, kept }
  }
}
