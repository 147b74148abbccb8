import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EndpointPolicy, type Evaluation, ModelVersionRef, parseModelVersionRef } from '@tidemark/contracts'
import { ensureEnvironment } from '@tidemark/workers'
import { parse } from 'yaml'
import { z } from 'zod'
import { ENDPOINT, MODEL } from './config.ts'
import type { DemoContext, Invariant } from './context.ts'
import { until } from './settle.ts'

const EndpointFile = z.strictObject({
  name: z.literal(ENDPOINT),
  model: z.literal(MODEL),
  replay: z.boolean(),
  policy: EndpointPolicy,
})

const BadVersion = z.object({
  fault: z.string(),
  modelVersion: ModelVersionRef.transform((ref) => parseModelVersionRef(ref).version),
})

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
  const {
    name: endpoint,
    model,
    replay,
    policy,
  } = EndpointFile.parse(parse(readFileSync(join(folder, 'endpoint.yaml'), 'utf8')))
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
  const bad = await logBadVersions(context, first)
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

/** Runs the example's script as a data scientist would: Python, the unmodified client, one variable. */
async function logBadVersions({ platform, folder, root }: DemoContext, champion: number): Promise<BadVersions> {
  const { python } = await ensureEnvironment(join(root, 'python/locks/worker.txt'))
  const output = await new Promise<string>((resolve, reject) => {
    const child = spawn(python, [join(folder, 'bad_versions.py'), `models:/${MODEL}/${champion}`], {
      env: {
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? '/tmp',
        LANG: 'C.UTF-8',
        MLFLOW_TRACKING_URI: platform.url,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`bad_versions.py ended with ${code}:\n${err.slice(-2000)}`)),
    )
  })
  // One line of JSON for each version that it registered.
  const registered = output
    .trim()
    .split('\n')
    .map((line) => BadVersion.parse(JSON.parse(line)))
  const numberOf = (fault: string) => registered.find((version) => version.fault === fault)?.modelVersion
  return { failing: numberOf('fails-without-running-time') ?? 0, tooLow: numberOf('rates-too-low') ?? 0 }
}
