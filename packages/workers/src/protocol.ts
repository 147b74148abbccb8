import type { JsonValue } from '@tidemark/contracts'
import { WorkerError, workerError } from './errors.ts'

/** Limits of a task's process. Absent ones do not bind. */
export interface Limits {
  /** Heap and other private memory, as RLIMIT_DATA counts it. */
  readonly memoryBytes?: number
  readonly cpuSeconds?: number
  readonly openFiles?: number
  /** Largest file that it may write. */
  readonly fileBytes?: number
}

/** Runs `module:function` of a pipeline's code with a Context (python/sdk). */
export interface RunStep {
  readonly kind: 'run_step'
  readonly codeDir: string
  readonly entry: string
  /** The step's own folder; its outputs appear below `outputs/`. Given to the workers' user. */
  readonly workDir: string
  /** Paths that the workers' user can read: copies below `workDir`, for instance. */
  readonly inputs: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string | number | boolean | null>>
  readonly seed: number
  /** Variables of the step's environment, beside a minimal one. Never the platform's own. */
  readonly env?: Readonly<Record<string, string>>
  readonly limits?: Limits
}
export interface StepResult {
  /** Name → path relative to `workDir`. */
  readonly outputs: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, string | number | boolean | null>>
}

/** Predicts each row of a file: one `{"prediction"}` or `{"error"}` a line in `outputFile`. */
export interface Predict {
  readonly kind: 'predict'
  /** A folder with an MLmodel file. */
  readonly modelDir: string
  /** `.parquet`, else a JSON object a line. */
  readonly inputFile: string
  readonly outputFile: string
  readonly limits?: Limits
}
export interface PredictResult {
  readonly rows: number
  readonly errors: number
}

/**
 * Converts a scikit-learn model to ONNX: writes `model.onnx`, `input-map.json` (an InputMap) and `parity.ndjson` (rows with
 * Python's predictions) into `outDir`. That it converted does not say that it is right: compare the parity rows.
 */
export interface Convert {
  readonly kind: 'convert'
  readonly modelDir: string
  /** Rows of raw inputs, as `reference.parquet` of a training has them. */
  readonly sampleFile: string
  readonly outDir: string
  readonly limits?: Limits
}
export interface ConvertResult {
  readonly inputs: number
  readonly parityRows: number
  readonly bytes: number
}

/** `input-map.json`: how a row of raw columns becomes the tensors of a converted model, each of shape [rows, 1]. */
export interface InputMap {
  readonly format: 1
  readonly inputs: readonly {
    readonly column: string
    readonly tensor: string
    readonly type: 'float32' | 'int64' | 'string'
    /** What a missing or null value becomes; null: it has no value to become, the row is refused. */
    readonly null: 'NaN' | '' | null
  }[]
  /** The tensor that holds what Python's `predict` gives. */
  readonly output: string
  /** Largest difference that parity allows: 1e-4 of the predictions' standard deviation. */
  readonly tolerance: number
}
/** A line of `parity.ndjson`. */
export type ParityRow = {
  /** `sample`, `missing <column>`, `unknown <column>`, `range <column>` or `all missing`. */
  readonly kind: string
  readonly row: Readonly<Record<string, string | number | null>>
} & RowResult

/** What a model said about one row. */
export type RowResult = { readonly prediction: number | string | boolean } | { readonly error: string }

/** What a served model is asked: rows in the order of `columns` (python/worker/tidemark_worker/questions.py). */
export interface ModelQuestion {
  readonly kind: 'table' | 'tensors'
  readonly columns: readonly string[]
  readonly rows: readonly (readonly JsonValue[])[]
  readonly params?: Readonly<Record<string, JsonValue>> | undefined
}
/** Its answer: one value a row unless the form says otherwise (python/worker/tidemark_worker/answers.py); or what it raised. */
export type ModelAnswer =
  | { readonly values: readonly JsonValue[]; readonly form?: 'rows' | 'names' | 'whole' }
  | { readonly error: string }

export type Task = RunStep | Predict | Convert
export type ResultOf<T extends Task> = T extends RunStep
  ? StepResult
  : T extends Predict
    ? PredictResult
    : ConvertResult

/** A line that a task printed. */
export interface LogLine {
  readonly stream: 'stdout' | 'stderr'
  readonly line: string
}

/** How a task's process ended. */
export type Outcome =
  | { readonly kind: 'result'; readonly value: unknown }
  | { readonly kind: 'raised'; readonly type: string; readonly message: string; readonly traceback: string }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'exited'; readonly code: number }

/** What the fork server says, a JSON object a line (python/worker/tidemark_worker/forkserver.py). */
export type WorkerEvent =
  | { readonly said: 'ready'; readonly pid: number; readonly python: string }
  | { readonly said: 'started'; readonly task: number; readonly pid: number }
  | ({ readonly said: 'log'; readonly task: number } & LogLine)
  | { readonly said: 'message'; readonly task: number; readonly message: unknown }
  | { readonly said: 'done'; readonly task: number; readonly outcome: Outcome }

/** What the fork server obeys. */
export type WorkerCommand =
  | {
      readonly do: 'run'
      readonly task: number
      readonly kind: Task['kind'] | 'serve'
      readonly arguments: Readonly<Record<string, unknown>>
      readonly env: Readonly<Record<string, string>>
      readonly limits: Limits
      readonly workDir: string
      readonly seed: number | null
    }
  | { readonly do: 'send'; readonly task: number; readonly message: unknown }
  | { readonly do: 'end' | 'cancel'; readonly task: number }

/** The error that an outcome other than a result stands for. */
export function errorOfOutcome(outcome: Exclude<Outcome, { kind: 'result' }>): WorkerError {
  switch (outcome.kind) {
    case 'raised': {
      const { message } = workerError('TASK_FAILED', outcome.type, outcome.message)
      return new WorkerError('TASK_FAILED', message, outcome.traceback)
    }
    case 'killed':
      return workerError('TASK_KILLED', outcome.signal)
    case 'exited':
      return workerError('TASK_KILLED', `exit code ${outcome.code}`)
  }
}
