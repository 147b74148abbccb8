import type { Cell } from '@tidemark/contracts'

/** Rows of raw cells in the order of `columns`; null is a missing value. */
export interface Frame {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

export type Prediction = number | string | null

/** A model version that is ready to predict. */
export interface Model {
  readonly kind: 'onnx' | 'python'
  /** One prediction for each row. @throws VersionFailed */
  predict(frame: Frame): Promise<Prediction[]>
  close(): Promise<void>
}

/** The version failed, not the caller: `raised` is the model's own error, `crashed` the end of its process. */
export class VersionFailed extends Error {
  readonly how: 'raised' | 'crashed'
  constructor(how: 'raised' | 'crashed', message: string) {
    super(message)
    this.name = 'VersionFailed'
    this.how = how
  }
}

/**
 * One usable prediction for each row, or a failure: a NaN that leaves as `null` would look like an answer.
 * @throws VersionFailed
 */
export function checkPredictions(predictions: readonly unknown[], rows: number): Prediction[] {
  if (predictions.length !== rows) {
    throw new VersionFailed('raised', `It gave ${predictions.length} predictions for ${rows} rows.`)
  }
  return predictions.map((value, row) => {
    if (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))) return value
    if (typeof value === 'bigint') return Number(value)
    if (typeof value === 'boolean') return value ? 1 : 0
    throw new VersionFailed('raised', `Its prediction for row ${row} is neither a finite number nor text.`)
  })
}
