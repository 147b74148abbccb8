import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { api, createClient, DatasetDefinition, parseModelVersionRef } from '@tidemark/contracts'
import { eraseDatabase } from '@tidemark/postgres'
import { parse } from 'yaml'
import { ENDPOINT, MODEL, PIPELINE } from '../demo/config.ts'
import type { Platform as Connection } from '../demo/context.ts'
import { monthStart, readFilms, releaseDate } from '../demo/films.ts'
import { runToEnd } from '../demo/pipeline-run.ts'
import { until } from '../demo/settle.ts'
import { append } from '../demo/station-data.ts'
import { EndpointFile } from '../demo/station-gates.ts'
import { applyPipeline } from '../pipelines/apply.ts'
import { type Platform, up } from '../up/up.ts'

export const CLONE = fileURLToPath(new URL('../../../../', import.meta.url))
const FILMS = join(CLONE, 'examples/films')

/** A platform on a folder of its own, and how one talks to it. */
export interface Site {
  readonly platform: Platform
  readonly connection: Connection
  /** Stops the platform and removes its folder. */
  end(): Promise<void>
}

/** Two ports that are free now. */
async function freePorts(): Promise<[number, number]> {
  const held = [createServer(), createServer()]
  const ports: number[] = []
  for (const server of held) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (typeof address === 'object' && address) ports.push(address.port)
  }
  for (const server of held) await new Promise((closed) => server.close(closed))
  const [port, gatewayPort] = ports
  if (port === undefined || gatewayPort === undefined) throw new Error('No free port was found.')
  return [port, gatewayPort]
}

/** Starts an empty platform on free ports and a new folder. */
export async function startPlatform(name: string): Promise<Site> {
  const dataDir = mkdtempSync(join(tmpdir(), `tidemark-${name}-`))
  // The database and the workers have users of their own and must pass through.
  chmodSync(dataDir, 0o711)
  const [port, gatewayPort] = await freePorts()
  const platform = await up({ port, gatewayPort, host: '127.0.0.1', dataDir, logLevel: 'info' })
  const { url, gatewayUrl } = platform
  return {
    platform,
    connection: { client: createClient(api, { baseUrl: url }), url, gatewayUrl },
    end: async () => {
      await platform.stop()
      eraseDatabase(join(dataDir, 'postgres'))
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

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
  const { replay, policy } = EndpointFile.parse(yaml('endpoint.yaml'))
  await client.deployments.putEndpoint({
    params: { endpoint: ENDPOINT },
    body: { model: MODEL, version, replay, policy },
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
