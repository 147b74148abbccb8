import { join } from 'node:path'
import { type Evaluation, ModelVersionRef, parseModelVersionRef } from '@tidemark/contracts'
import { z } from 'zod'
import { readEndpointFile } from '../endpoints/file.ts'
import { applyPipeline } from '../pipelines/apply.ts'
import { MODEL } from './config.ts'
import type { DemoContext, Invariant } from './context.ts'
import { runToEnd } from './pipeline-run.ts'
import { until } from './settle.ts'

const BadRefs = z.object({ failsWithoutRunningTime: ModelVersionRef, ratesTooLow: ModelVersionRef })

/** The two versions that must not reach anybody, by number. */
export interface BadVersions {
  readonly failing: number
  readonly tooLow: number
}

/** Station 4: the endpoint is declared with its policy; two bad versions meet the gates. */
export async function gatesStation(
  context: DemoContext,
  first: number,
): Promise<{ bad: BadVersions; invariants: Invariant[] }> {
  const { platform, story, folder } = context
  const { client } = platform
  story.station('Gates: what a version must show before it may be approved')
  const { name: endpoint, model, replay, policy } = readEndpointFile(join(folder, 'endpoint.yaml'))
  await client.deployments.putEndpoint({ params: { endpoint }, body: { model, version: first, replay, policy } })
  await until('the endpoint to serve', async () => {
    const now = await client.deployments.getEndpoint({ params: { endpoint } })
    if (now.state === 'broken') throw new Error(now.problem ?? 'The endpoint cannot serve.')
    return now.state === 'serving' ? now : undefined
  })
  const measured = await latestEvaluation(context, first)
  story.fact(`${model}/${first} is the first: ${measured.summary ?? 'measured'}`)
  story.fact(measured.runtime?.sentence ?? '')

  story.simulated(
    'two bad versions, wrapped round the champion: one fails on films without a running time, one rates 0.7 too low.',
  )
  const bad = await registerBadVersions(context, first)
  const refused: Evaluation[] = []
  for (const version of [bad.failing, bad.tooLow]) {
    const { id } = await client.evaluation.startEvaluation({ body: { model, version, endpoint } })
    const evaluation = await until(`the gates of ${model}/${version}`, async () => {
      const now = await client.evaluation.getEvaluation({ params: { id } })
      return now.finishedAt ? now : undefined
    })
    refused.push(evaluation)
    story.decision(`${model}/${version}: ${evaluation.summary ?? evaluation.problem ?? evaluation.state}`)
    for (const gate of evaluation.gates.filter(({ verdict }) => verdict === 'failed'))
      story.fact(`  ${gate.name}: ${gate.sentence}`)
  }
  return {
    bad,
    invariants: [
      { text: 'the gates refused both bad versions', holds: refused.every(({ state }) => state === 'failed') },
    ],
  }
}

async function latestEvaluation({ platform }: DemoContext, version: number): Promise<Evaluation> {
  const { evaluations } = await platform.client.evaluation.listEvaluations({
    query: { model: MODEL, version, limit: 1 },
  })
  const found = evaluations[0]
  if (!found) throw new Error(`${MODEL}/${version} was not evaluated.`)
  return found
}

/** Registers both through a pipeline of their own, in a worker as any step. */
async function registerBadVersions(context: DemoContext, champion: number): Promise<BadVersions> {
  const { version } = await applyPipeline(context.platform.client, context.folder, 'bad_versions.yaml')
  const run = await runToEnd(context, version.pipeline, { good: `models:/${MODEL}/${champion}` })
  const made = BadRefs.parse(run.steps[0]?.result)
  return {
    failing: parseModelVersionRef(made.failsWithoutRunningTime).version,
    tooLow: parseModelVersionRef(made.ratesTooLow).version,
  }
}
