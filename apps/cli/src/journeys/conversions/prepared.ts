import type { VersionRuntime } from '@tidemark/contracts'
import type { Connection } from './serve.ts'

/** Where version 1 of a model runs, once that was decided or could not be. @throws Error when neither happens within the time, in milliseconds */
export async function prepared(
  { client }: Connection,
  model: string,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<VersionRuntime> {
  for (const begun = Date.now(); Date.now() - begun < withinMs; ) {
    const found = await client.runtimes.getVersionRuntime({ params: { model, version: 1 } })
    if (found.verdict || found.preparation === 'failed') return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${model} was not prepared within ${withinMs / 1000} s.`)
}
