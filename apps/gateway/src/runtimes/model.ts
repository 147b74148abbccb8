import type { AnswerForm, JsonValue } from '@tidemark/contracts'

/** What a version is asked: rows in the order of `columns`. */
export interface Frame {
  /** `table`: a data frame of cells, null where a value is missing. `tensors`: an array for each column, or for "" the only one; a cell is the row's part of it. */
  readonly kind: 'table' | 'tensors'
  readonly columns: readonly string[]
  readonly rows: readonly (readonly JsonValue[])[]
  /** Parameters of the request beside its rows, as MLflow's signatures have them. */
  readonly params?: Readonly<Record<string, JsonValue>> | undefined
}

/** What a version said: one value a row, unless the form says otherwise. */
export interface Predictions {
  readonly values: readonly JsonValue[]
  readonly form?: AnswerForm | undefined
}

/** A model version that is ready to predict. */
export interface Model {
  readonly kind: 'onnx' | 'python'
  /**
   * @param endsAt by `performance.now()`: what is still waiting for the model then is not asked, since nobody wants its answer any more
   * @throws VersionFailed
   */
  predict(frame: Frame, endsAt?: number): Promise<Predictions>
  /** What decided its labels, a list a row; null or absent where it gives none. */
  scores?(frame: Frame): Promise<number[][] | null>
  /** Memory that it holds now and could give back, in bytes; an estimate. Absent: none. */
  bytes?(): number
  /** Gives that memory back; the next prediction takes it again. Not while one is under way. */
  unload?(): Promise<void>
  close(): Promise<void>
}

/**
 * `raised`: the model's own error. `crashed`: the end of its process. `timed_out`: its process was ended for taking too long. `late`: the request's time
 * was over before its answer. `refused`: the signature, which the process knows better than this one, does not take what was asked.
 */
export type Failure = 'raised' | 'crashed' | 'timed_out' | 'late' | 'refused'

/** The version gave no answer; but for `refused` that is not the caller's fault. */
export class VersionFailed extends Error {
  readonly how: Failure
  constructor(how: Failure, message: string) {
    super(message)
    this.name = 'VersionFailed'
    this.how = how
  }
}
