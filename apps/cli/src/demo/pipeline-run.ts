import type { PipelineRun } from '@tidemark/contracts'
import type { DemoContext } from './context.ts'
import { until } from './settle.ts'

/** Runs a pipeline and waits for its end. @throws Error when it did not succeed. */
export async function runToEnd(
  { platform }: Pick<DemoContext, 'platform'>,
  pipeline: string,
  parameters: Record<string, string | number>,
): Promise<PipelineRun> {
  const { run } = await platform.client.pipelines.startRun({ params: { pipeline }, body: { parameters } })
  const ended = await until(
    `the end of pipeline run ${run}`,
    async () => {
      const now = await platform.client.pipelines.getRun({ params: { run } })
      return now.endedAt ? now : undefined
    },
    180,
  )
  if (ended.state !== 'succeeded')
    throw new Error(`Pipeline ${pipeline} ended as ${ended.state}: ${ended.reason ?? 'no reason given'}`)
  return ended
}
