import type { AnswerRecord } from '@tidemark/contracts'
import { type Failure, type Frame, type Predictions, VersionFailed } from '../runtimes/model.ts'
import type { LoadedVersion, Models } from '../runtimes/models.ts'

/** How a version answered a frame; a failure is an outcome too, it is logged and counts against the version. */
export type Outcome =
  | { readonly kind: 'predicted'; readonly predictions: Predictions; readonly milliseconds: number }
  | {
      readonly kind: 'failed'
      readonly how: Failure
      readonly error: string
      readonly milliseconds: number
    }

/**
 * Asks a version. Whatever goes wrong inside it becomes an outcome; so does that it has not answered at `endsAt`, by `performance.now()`.
 */
export async function predict(models: Models, version: LoadedVersion, frame: Frame, endsAt: number): Promise<Outcome> {
  const start = performance.now()
  try {
    const asked = models.using(version, (model) => model.predict(frame, endsAt))
    // On the event loop it computes without a pause: nothing could be given up. In a thread its turn is waited for, too.
    const predictions = version.model.kind === 'onnx' ? await asked : await before(endsAt - start, asked)
    return { kind: 'predicted', predictions, milliseconds: performance.now() - start }
  } catch (error) {
    const milliseconds = performance.now() - start
    const message = error instanceof Error ? error.message : String(error)
    const how = error instanceof VersionFailed ? error.how : 'raised'
    return { kind: 'failed', how, error: message, milliseconds }
  }
}

async function before<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new VersionFailed('late', 'It had not answered when the time of the request was over.')),
      milliseconds,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
    work.catch(() => {})
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
