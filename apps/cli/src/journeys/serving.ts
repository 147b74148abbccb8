import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Site } from './platform.ts'

type Client = Site['connection']['client']

/** Puts an endpoint on version 1 of a model of its name. @returns its state once it serves or is broken */
export async function serve(
  client: Client,
  model: string,
  withinMs: number,
): Promise<{ state: string; problem: string | null }> {
  await client.deployments.putEndpoint({ params: { endpoint: model }, body: { model, version: 1 } })
  const until = Date.now() + withinMs
  for (;;) {
    const { state, problem, url } = await client.deployments.getEndpoint({ params: { endpoint: model } })
    if (state === 'broken') return { state, problem }
    const { status } = await fetch(url, { method: 'POST' })
    // Anything but "not known" and "not yet": an empty body is a mistake of the caller's.
    if (state === 'serving' && status !== 404 && status !== 503) return { state, problem }
    assert.ok(Date.now() < until, `${model} is ${state}, and its address answers ${status}`)
    await sleep(100)
  }
}

/** Asks an endpoint. @returns status and body */
export async function ask(
  gatewayUrl: string,
  endpoint: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${gatewayUrl}/endpoints/${endpoint}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
