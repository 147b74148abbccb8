/** A thread that simulates the chunks it is sent. */
import { parentPort } from 'node:worker_threads'
import { allocateAlpha } from '@tidemark/statistics'
import { simulate } from './canary.ts'
import { type Chunk, emptyTally, type Tally } from './measure.ts'
import { ALPHA, experiments, GUARDRAIL_WEIGHTS } from './scenarios.ts'

const SEEDS_PER_EXPERIMENT = 1_000_000

function run({ experiment, firstRun, runs, quick }: Chunk): Tally {
  const tally = emptyTally()
  const scenario = experiments(quick)[experiment]?.scenario
  if (scenario === undefined) throw new RangeError(`There is no experiment ${experiment}.`)
  const budget = { ...allocateAlpha(ALPHA, GUARDRAIL_WEIGHTS), promotion: ALPHA }
  for (let index = firstRun; index < firstRun + runs; index += 1) {
    const outcome = simulate(scenario, budget, experiment * SEEDS_PER_EXPERIMENT + index + 1)
    tally.runs += 1
    if (outcome.rolledBack !== null) {
      tally.rolledBack += 1
      tally.rolledBackRequests += outcome.rolledBack
    }
    if (outcome.rolledBackBy === 'loss') tally.rolledBackByLoss += 1
    if (outcome.promoted !== null) {
      tally.promoted += 1
      tally.promotedRequests += outcome.promoted
    }
    if (outcome.naiveEProcess !== null) {
      tally.naiveEProcess += 1
      tally.naiveEProcessRequests += outcome.naiveEProcess
    }
    if (outcome.naiveZTest !== null) {
      tally.naiveZTest += 1
      tally.naiveZTestRequests += outcome.naiveZTest
    }
  }
  return tally
}

parentPort?.on('message', (chunk: Chunk) => parentPort?.postMessage(run(chunk)))
