import type { JsonValue, VersionRuntime } from '@tidemark/contracts'
import type { Site } from '../platform.ts'

export type Connection = Site['connection']

/** What the script says of a model: that it does not fit a small table, or what Python says of each row that it is to be asked. */
export type Logged =
  | { readonly name: string; readonly unfit: string }
  | {
      readonly name: string
      readonly model: string
      readonly columns: readonly string[]
      readonly rows: readonly (readonly JsonValue[])[]
      readonly answers: readonly ({ readonly value: JsonValue } | { readonly error: string })[]
    }

const POLL_MILLISECONDS = 100

/** Serves a model on an endpoint of its own and asks it each row alone. @returns the rows that it answers otherwise than Python, in words */
export async function differences(
  { client, gatewayUrl }: Connection,
  logged: Exclude<Logged, { unfit: string }>,
  { verdict }: VersionRuntime,
): Promise<string[]> {
  const endpoint = logged.model.slice(0, 100)
  await client.deployments.putEndpoint({
    params: { endpoint },
    // Hundreds of models are served at once here.
    body: { model: logged.model, version: 1, policy: { workers: { processes: 1, idleSeconds: 1 } } },
  })
  const ask = (row: readonly JsonValue[]) =>
    fetch(`${gatewayUrl}/endpoints/${endpoint}/invocations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ dataframe_split: { columns: logged.columns, data: [row] } }),
    })
  const wrong: string[] = []
  for (const [place, row] of logged.rows.entries()) {
    let reply = await ask(row)
    while (reply.status === 404 || reply.status === 503) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS))
      reply = await ask(row)
    }
    const expected = logged.answers[place]
    const { predictions } = (await reply.json()) as { predictions?: JsonValue[] }
    const got = predictions?.[0]
    const tolerance = verdict?.tolerance ?? 0
    if (!expected || ('error' in expected ? got !== undefined : !agrees(expected.value, got, tolerance)))
      wrong.push(
        `row ${place} ${JSON.stringify(row)}: Python ${JSON.stringify(expected)}, served ${JSON.stringify(got)}`,
      )
  }
  return wrong
}

/** Whether an answer is Python's: labels exactly, numbers within what the gate allows, in Python to the last digits. */
function agrees(expected: JsonValue, got: JsonValue | undefined, tolerance: number): boolean {
  if (typeof expected === 'number' && typeof got === 'number')
    return Math.abs(expected - got) <= Math.max(tolerance, 1e-9 * Math.abs(expected))
  if (Array.isArray(expected) && Array.isArray(got))
    return expected.length === got.length && expected.every((part, place) => agrees(part, got[place], tolerance))
  return expected === got
}
