import type { Platform } from '../platform/index.ts'
import type { Counting } from './counting.ts'
import { createExperimentList } from './experiments.ts'
import type { Gathering } from './gathering.ts'
import type { KeyNumbers } from './keys.ts'
import { createMetricWriter } from './metricWriter.ts'
import { createRunLog } from './runLog.ts'
import { createRuns } from './runs.ts'

export type Tracking = ReturnType<typeof createTracking>

/** Experiments, runs and what is logged to them. Errors are MLflow's own, because its clients read them. */
export function createTracking(platform: Platform, keys: KeyNumbers, gathering: Gathering, counting: Counting) {
  const writer = createMetricWriter(platform.database.statements, keys)
  return {
    /** Names of the keys of packed runs. */
    keys,
    ...createExperimentList(platform),
    ...createRuns(platform, keys, gathering, counting),
    ...createRunLog(platform, keys, writer, gathering),
  }
}
