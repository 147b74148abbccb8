import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DatasetDefinition, parseModelVersionRef } from '@tidemark/contracts'
import { parse } from 'yaml'
import { ENDPOINT, MODEL, PIPELINE } from '../demo/config.ts'
import { monthStart, readFilms, releaseDate } from '../demo/films.ts'
import { runToEnd } from '../demo/pipeline-run.ts'
import { until } from '../demo/settle.ts'
import { append } from '../demo/station-data.ts'
import { readEndpointFile } from '../endpoints/file.ts'
import { applyPipeline } from '../pipelines/apply.ts'
import type { Site } from './platform.ts'

const FILMS = fileURLToPath(new URL('../../../../examples/films', import.meta.url))

/**
 * Opens the film site: films to 1999, the example's pipeline, and its endpoint serving a model of two trees, which any
 * larger forest beats.
 */
export async function openFilmSite({ connection }: Site): Promise<void> {
  const { client } = connection
  await client.data.defineDataset({ body: DatasetDefinition.parse(yaml('dataset.yaml')) })
  const known = readFilms().filter((row) => releaseDate(row) < monthStart(2000, 0))
  await append({ platform: connection }, known, 'films released before the site opened')
  await applyPipeline(client, FILMS)
  const run = await runToEnd({ platform: connection }, PIPELINE, { asOf: '2000-01', trees: 2 })
  const { version } = parseModelVersionRef(run.modelVersion ?? '')
  const { replay, policy } = readEndpointFile(join(FILMS, 'endpoint.yaml'))
  // No ratings are told, so no proof ever comes: the rollout ends by its time limit, here after months instead of years of films.
  const rollout = { ...policy.rollout, maxDays: 180, onTimeLimit: 'promote_without_proof' } as const
  await client.deployments.putEndpoint({
    params: { endpoint: ENDPOINT },
    body: { model: MODEL, version, replay, policy: { ...policy, rollout } },
  })
  await until('the endpoint to serve', async () => {
    const { state, problem } = await client.deployments.getEndpoint({ params: { endpoint: ENDPOINT } })
    if (state === 'broken') throw new Error(problem ?? 'The endpoint cannot serve.')
    return state === 'serving' || undefined
  })
}

function yaml(file: string): unknown {
  return parse(readFileSync(join(FILMS, file), 'utf8'))
}
