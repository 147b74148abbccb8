import type { AnswerRecord } from '@tidemark/contracts'
import { type Frame, type Predictions, VersionFailed } from '../runtimes/model.ts'
import type { LoadedVersion, Models } from '../runtimes/models.ts'

/** How a version answered a frame; a failure is an outcome too, it is logged and counts against the version. */
export type Outcome =
  | { readonly kind: 'predicted'; readonly predictions: Predictions; readonly milliseconds: number }
  | {
      readonly kind: 'failed'
      readonly how: VersionFailed['how']
      readonly error: string
      readonly milliseconds: number
    }

/** Asks a version. Whatever goes wrong inside it becomes an outcome. */
export async function predict(models: Models, version: LoadedVersion, frame: Frame): Promise<Outcome> {
  const start = performance.now()
  try {
    const predictions = await models.using(version, (model) => model.predict(frame))
    return { kind: 'predicted', predictions, milliseconds: performance.now() - start }
  } catch (error) {
    const milliseconds = performance.now() - start
    if (error instanceof VersionFailed) return { kind: 'failed', how: error.how, error: error.message, milliseconds }
    return {
      kind: 'failed',
      how: 'raised',
      error: error instanceof Error ? error.message : String(error),
      milliseconds,
    }
  }
}

/** The fields of a log record that tell an outcome. */
export function outcomeFields(outcome: Outcome): Pick<AnswerRecord, 'predictions' | 'form' | 'error' | 'milliseconds'> {
  const milliseconds = Math.round(outcome.milliseconds * 1000) / 1000
  return outcome.kind === 'predicted'
    ? { ...fieldsOf(outcome.predictions), error: null, milliseconds }
    : { predictions: null, error: outcome.error, milliseconds }
}

function fieldsOf({ values, form }: Predictions): Pick<AnswerRecord, 'predictions' | 'form'> {
  return form === undefined ? { predictions: [...values] } : { predictions: [...values], form }
}
