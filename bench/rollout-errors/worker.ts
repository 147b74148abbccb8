/** A thread that simulates the chunks it is sent. */
import { parentPort } from 'node:worker_threads'
import { type Chunk, emptyTally, type Tally } from './measure.ts'
import { experiments, simulate } from './scenarios.ts'

const SEEDS_PER_EXPERIMENT = 1_000_000

function run({ experiment, firstRun, runs, quick }: Chunk): Tally {
  const tally = emptyTally()
  const plan = experiments(quick)[experiment]?.plan
  if (plan === undefined) throw new RangeError(`There is no experiment ${experiment}.`)
  for (let index = firstRun; index < firstRun + runs; index += 1) {
    const { first, fixedSample } = simulate(plan, experiment * SEEDS_PER_EXPERIMENT + index + 1)
    tally.runs += 1
    for (const [who, at] of Object.entries(first)) {
      const times = tally.spoke[who] ?? []
      if (at !== null) times.push(at)
      tally.spoke[who] = times
    }
    fixedSample.forEach((rejects, look) => {
      tally.fixedSample[look] = (tally.fixedSample[look] ?? 0) + Number(rejects)
    })
  }
  return tally
}

parentPort?.on('message', (chunk: Chunk) => parentPort?.postMessage(run(chunk)))
