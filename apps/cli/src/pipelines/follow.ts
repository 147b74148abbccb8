import { setTimeout as sleep } from 'node:timers/promises'
import type { api, Client, PipelineRun } from '@tidemark/contracts'

const LOOK_MILLISECONDS = 250

/** Prints states and logs of a run as they come, until it has ended. */
export async function followRun(client: Client<typeof api>, id: string): Promise<PipelineRun> {
  const offsets = new Map<string, number>()
  const states = new Map<string, string>()
  for (;;) {
    const run = await client.pipelines.getRun({ params: { run: id } })
    for (const step of run.steps) {
      const offset = offsets.get(step.step) ?? 0
      if (step.logBytes > offset) {
        const part = await client.pipelines.getStepLog({ params: { run: id, step: step.step }, query: { offset } })
        offsets.set(step.step, part.nextOffset)
        for (const line of part.text.trimEnd().split('\n')) console.log(`${step.step} | ${line}`)
      }
      const state = `${step.state}${step.attempt > 1 ? ` (try ${step.attempt})` : ''}`
      if (states.get(step.step) !== state && step.state !== 'waiting')
        console.log(`${step.step} | ${state}${step.reason ? `: ${step.reason}` : ''}`)
      states.set(step.step, state)
    }
    if (run.endedAt) return run
    await sleep(LOOK_MILLISECONDS)
  }
}
