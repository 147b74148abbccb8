export { type EnvironmentState, ensureEnvironment, environmentState, type PythonEnvironment } from './environments.ts'
export { WorkerError, type WorkerErrorCode } from './errors.ts'
export { chooseInterpreter, type Interpreter } from './interpreter.ts'
export { chooseLock, servingLocks } from './locks.ts'
export { ServedModel } from './model.ts'
export { type PipSettings, pipSettings, uvVariables } from './pip-settings.ts'
export { type Account, cacheFolder, canReach, workerAccount } from './place.ts'
export { type PoolOptions, type RunOptions, WorkerPool } from './pool.ts'
export type {
  Convert,
  ConvertResult,
  ExplainResult,
  Gap,
  ImportanceResult,
  InputMap,
  Limits,
  LogLine,
  ModelAnswer,
  ModelQuestion,
  ParityRow,
  Predict,
  PredictResult,
  ResultOf,
  RowResult,
  RunStep,
  StepResult,
  Task,
} from './protocol.ts'
