import type { EndpointView } from '@tidemark/contracts'
import { ENDPOINT, SIMULATION } from './config.ts'
import type { DemoContext, Invariant } from './context.ts'
import { type Film, monthStart, scoringRow } from './films.ts'

const PROBES = 200

/** Station 5: the gateway answers, says by which version, and refuses what it cannot read. */
export async function servingStation(
  context: DemoContext,
  endpoint: EndpointView,
  films: readonly Film[],
): Promise<Invariant[]> {
  const { traffic, story } = context
  story.station('Serving: the gateway answers, each answer logged before it leaves')
  const opening = monthStart(...SIMULATION.firstMonth)
  const film = films.find(({ released }) => released >= opening)
  if (!film) throw new Error('The film file has no film after the opening.')
  const row = scoringRow(film, endpoint.columns)
  const ask = (at: Date) =>
    traffic.send({ endpoint: ENDPOINT, row, caller: 'probe', entity: `probe: ${film.entity}`, at })
  const answer = await ask(opening)
  story.fact(`${film.entity}: ${answer.prediction?.toFixed(2)} by ${answer.version}, prediction ${answer.predictionId}`)
  const times: number[] = []
  for (let probe = 0; probe < PROBES; probe++) {
    const started = performance.now()
    await ask(opening)
    times.push(performance.now() - started)
  }
  times.sort((a, b) => a - b)
  story.fact(
    `${PROBES} requests one after the other: median ${times[PROBES / 2]?.toFixed(2)} ms with the log written, runs as ${endpoint.runtime === 'onnx' ? 'ONNX in Node' : 'Python worker'}.`,
  )

  const { 'Release Month': _, ...withoutMonth } = row
  const missing = await traffic.post(`/endpoints/${ENDPOINT}/invocations`, { dataframe_records: [withoutMonth] })
  const wrong = await traffic.post(`/endpoints/${ENDPOINT}/invocations`, {
    dataframe_records: [{ ...row, 'Production Budget': 'a lot' }],
  })
  story.fact(`Without its month: ${missing.status}, ${shorten(missing.text)}`)
  story.fact(`With a budget in words: ${wrong.status}, ${shorten(wrong.text)}`)
  const ping = await fetch(`${context.platform.gatewayUrl}/ping`)
  const version = await (await fetch(`${context.platform.gatewayUrl}/version`)).text()
  story.fact(`The gateway's root serves it too: /ping ${ping.status}, /version ${version.trim()}.`)
  return [
    {
      text: 'every answer has a prediction id and names its version',
      holds: Boolean(answer.predictionId && answer.version),
    },
    {
      text: 'bad input is a 400 that names the column',
      holds:
        missing.status === 400 &&
        missing.text.includes('Release Month') &&
        wrong.status === 400 &&
        wrong.text.includes('Production Budget'),
    },
  ]
}

function shorten(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: unknown }).message).slice(0, 140)
  } catch {
    return text.slice(0, 140)
  }
}
