import type { Platform } from '../platform/index.ts'
import { createExperimentList } from './experiments.ts'
import { createRunLog } from './runLog.ts'
import { createRuns } from './runs.ts'

export type Tracking = ReturnType<typeof createTracking>

/** Experiments, runs and what is logged to them. Errors are MLflow's own, because its clients read them. */
export function createTracking(platform: Platform) {
  return { ...createExperimentList(platform), ...createRuns(platform), ...createRunLog(platform) }
}
