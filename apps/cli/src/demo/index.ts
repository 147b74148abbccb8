import { ENDPOINT, SIMULATION } from './config.ts'
import type { DemoContext, Invariant } from './context.ts'
import { filmsOf, monthStart, readFilms } from './films.ts'
import { News } from './news.ts'
import { Site } from './site.ts'
import { dataStation } from './station-data.ts'
import { countInvariant, uiStation, whyStation } from './station-end.ts'
import { gatesStation } from './station-gates.ts'
import { loopStations } from './station-loop.ts'
import { rolloutStation } from './station-rollout.ts'
import { servingStation } from './station-serving.ts'
import { trainingStations } from './station-training.ts'

/**
 * Takes the film site's model through its whole life on a running, empty platform.
 * @returns what must hold, with whether it does. A refused retraining is a valid ending.
 */
export async function runDemo(context: DemoContext): Promise<Invariant[]> {
  const rows = readFilms()
  const end = monthStart(SIMULATION.lastMonth[0], SIMULATION.lastMonth[1] + 1)
  const films = filmsOf(rows).filter(({ released }) => released < end)
  const news = new News(context)
  const invariants: Invariant[] = []

  invariants.push(...(await dataStation(context, rows)))
  const trained = await trainingStations(context)
  invariants.push(...trained.invariants)
  const gated = await gatesStation(context, trained.version)
  invariants.push(...gated.invariants)
  const endpoint = await context.platform.client.deployments.getEndpoint({ params: { endpoint: ENDPOINT } })
  invariants.push(...(await servingStation(context, endpoint, films)))
  await news.fresh()
  const site = new Site(context, films, endpoint.columns)
  invariants.push(...(await rolloutStation(context, site, news, gated.bad)))
  invariants.push(...(await loopStations(context, site, news)))
  invariants.push(...(await whyStation(context, news)))
  invariants.push(await countInvariant(context))
  invariants.push(...(await uiStation(context)))
  return invariants
}
