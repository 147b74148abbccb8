import { invalid, type MlflowError, missing, type ViewTypeName } from '@tidemark/mlflow-protocol'
import type { Lifecycle } from './types.ts'

/** Stages of life that MLflow's view types show. */
export const STAGES: Readonly<Record<ViewTypeName, readonly Lifecycle[]>> = {
  ACTIVE_ONLY: ['active'],
  DELETED_ONLY: ['deleted'],
  ALL: ['active', 'deleted'],
}

/** MLflow's words for a run that is not there. */
export function noRun(id: string): MlflowError {
  return missing(`Run with id=${id} not found`)
}

/** What a change to something deleted is told. */
export function notActive(kind: 'run' | 'experiment', id: string, lifecycle: Lifecycle): MlflowError {
  return invalid(`The ${kind} ${id} must be in the 'active' state. Current state is ${lifecycle}.`)
}

/** @throws MlflowError for a run that is not there, or deleted. */
export function assertActive(id: string, lifecycle: Lifecycle | null): void {
  if (lifecycle === null) throw noRun(id)
  if (lifecycle !== 'active') throw notActive('run', id, lifecycle)
}
