import type { GapTexts, JsonValue } from '@tidemark/contracts'
import { WorkerError, workerError } from './errors.ts'

/** Limits of a task's process. Absent ones do not bind. */
export interface Limits {
  /** Heap and other private memory, as RLIMIT_DATA counts it. */
  readonly memoryBytes?: number
  readonly cpuSeconds?: number
  readonly openFiles?: number
  /** Largest file that it may write. */
  readonly fileBytes?: number
  /** Processes and threads of all workers' user, beyond which this one starts none. */
  readonly processes?: number
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

/**
 * What a missing text is to a model (python/worker/tidemark_worker/rows.py). `request`: what pandas makes of it, by whether another row of the request has
 * a text there. `empty`: "", for versions that were compared with their conversions when that was so.
 */
export type Gap = 'request' | 'empty'

/** Predicts each row of a file: one `{"prediction"}` or `{"error"}` a line in `outputFile`. */
export interface Predict {
  readonly kind: 'predict'
  /** A folder with an MLmodel file. */
  readonly modelDir: string
  readonly gap: Gap
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
 * Converts a model to ONNX: writes `model.onnx`, `input-map.json` (an InputMap) and `parity.ndjson` (rows with what Python says of them) into
 * `outDir`. That it converted does not say that it is right: compare the parity rows.
 */
export interface Convert {
  readonly kind: 'convert'
  readonly modelDir: string
  /** Rows of raw inputs, as `reference.parquet` of a training has them; null: there are none beside the model's input example. */
  readonly sampleFile: string | null
  readonly outDir: string
  readonly limits?: Limits
}
export interface ConvertResult {
  readonly inputs: number
  readonly parityRows: number
  readonly bytes: number
}

/** `input-map.json`: how a row of raw columns, or of arrays, becomes the tensors of a converted model, and what its output is compared by. */
export interface InputMap {
  readonly format: 1
  readonly inputs: readonly {
    /** A column of the signature, or one of its tensors: "" for one without a name. */
    readonly column: string
    readonly tensor: string
    readonly type: 'float32' | 'int64' | 'string'
    /** `refused`: in Python the model raises for a missing value of the column. */
    readonly missing: 'allowed' | 'refused'
    /** With a signature of tensors: the shape of a row's part, as the input example has it. */
    readonly shape?: readonly number[]
    /** Of a column of texts. */
    readonly gap?: GapTexts
  }[]
  /** The tensor that holds what Python's `predict` gives. */
  readonly output: string
  /** How a row's part of the output becomes its answer: its one value, the list of its values, or a record of them. */
  readonly shape: 'value' | 'list' | 'record'
  /** Of a record. */
  readonly names: readonly string[] | null
  /** The tensor with the probabilities behind labels; null: there is none to compare. */
  readonly scores: string | null
  readonly kind: 'numbers' | 'probabilities' | 'labels'
  /** Largest difference that parity allows: 1e-4 for probabilities, 1e-4 of the predictions' standard deviation for numbers. */
  readonly tolerance: number
}
/** A line of `parity.ndjson`. */
export type ParityRow = {
  /** `example` and `sample` are real; `missing <column>`, `boundary <column>`, `random` … were made. */
  readonly kind: string
  /** Rows of the same one were asked together. */
  readonly request: string
  readonly row: Readonly<Record<string, JsonValue>>
} & ({ readonly prediction: JsonValue; readonly scores?: readonly number[] | null } | { readonly error: string })

/** Explains rows by SHAP values of raw columns; for the environment that has the library (`python/locks/explain.txt`). */
export interface Explain {
  readonly kind: 'explain'
  readonly modelDir: string
  readonly gap: Gap
  /** Rows of raw inputs that columns are compared with; null: those of the model's input example. */
  readonly sampleFile: string | null
  /** Records of raw inputs. */
  readonly rows: readonly Readonly<Record<string, JsonValue>>[]
  /** Columns that no row of the request has in which they came. */
  readonly lacking: readonly string[]
  readonly limits?: Limits
}
export interface ExplainResult {
  /** What the numbers are: a class's probability for a classifier that knows them. */
  readonly of: 'prediction' | 'probability'
  /** How many real rows are known to compare with. */
  readonly background: number
  readonly explanations: readonly {
    /** The class whose probability is explained; null for a prediction. */
    readonly output: string | null
    readonly prediction: number
    readonly base: number
    readonly contributions: Readonly<Record<string, number>>
  }[]
}

/** Measures how much a model's answers move with each of its columns. */
export interface Importance {
  readonly kind: 'importance'
  readonly modelDir: string
  readonly gap: Gap
  readonly sampleFile: string | null
  readonly limits?: Limits
}
export interface ImportanceResult {
  readonly of: 'prediction' | 'probability'
  readonly rows: number
  /** Mean absolute change of the answer when the column's values are exchanged. */
  readonly columns: Readonly<Record<string, number>>
}

/** What a model said about one row: its answer as callers get it. */
export type RowResult = { readonly prediction: JsonValue } | { readonly error: string }

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
  | {
      readonly error: string
      /** The error is the caller's: what was asked is not what the model's signature takes. It then repeats no value. */
      readonly refused?: boolean
    }

export type Task = RunStep | Predict | Convert | Explain | Importance
export type ResultOf<T extends Task> = T extends RunStep
  ? StepResult
  : T extends Predict
    ? PredictResult
    : T extends Convert
      ? ConvertResult
      : T extends Explain
        ? ExplainResult
        : ImportanceResult

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
  | { readonly do: 'cancel'; readonly task: number }

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
