import type { Scenario } from '../scenario.ts'
import { artifacts } from './artifacts.ts'
import { evaluationDatasets } from './evaluationDatasets.ts'
import { experiments } from './experiments.ts'
import { inputs } from './inputs.ts'
import { loggedModels } from './loggedModels.ts'
import { logging } from './logging.ts'
import { registry } from './registry.ts'
import { registrySearch } from './registrySearch.ts'
import { runs } from './runs.ts'
import { searchRuns } from './searchRuns.ts'
import { server } from './server.ts'
import { webhooks } from './webhooks.ts'

/** Every scenario of the differential test. */
export const SCENARIOS: readonly Scenario[] = [
  ...experiments,
  ...runs,
  ...logging,
  ...inputs,
  ...searchRuns,
  ...loggedModels,
  ...registry,
  ...registrySearch,
  ...artifacts,
  ...webhooks,
  ...evaluationDatasets,
  ...server,
]
