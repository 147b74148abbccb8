import type { Platform } from './context.ts'

const POLL_MILLISECONDS = 15

/**
 * Waits until the platform has nothing left to do: every answer mirrored and every log record folded, every reaction done, no pipeline under way. Two looks in a row
 * must agree, because work that ends may cause more.
 * @throws Error after `timeoutSeconds`, saying what it was still busy with.
 */
export async function settled(platform: Platform, timeoutSeconds = 240): Promise<void> {
  const deadline = Date.now() + timeoutSeconds * 1000
  let calm = 0
  let lastPosition = -1
  for (;;) {
    const work = await platform.client.platform.idle()
    const idle = work.jobs === 0 && work.pipelineRuns === 0 && work.unreadLogBytes === 0
    const still = idle && (await mirrorsWaiting(platform)) === 0
    calm = still && work.lastPosition === lastPosition ? calm + 1 : 0
    lastPosition = work.lastPosition
    if (calm >= 2) return
    if (Date.now() > deadline) {
      const { jobs, pipelineRuns, unreadLogBytes } = work
      throw new Error(
        `After ${timeoutSeconds} s the platform was still busy: ${jobs} jobs, ${pipelineRuns} pipeline runs, ${unreadLogBytes} bytes of log unread.`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS))
  }
}

/** Predictions that the gateway is yet to ask of a rollout's other version. */
async function mirrorsWaiting({ gatewayUrl }: Platform): Promise<number> {
  const metrics = await (await fetch(`${gatewayUrl}/metrics`)).text()
  return Number(/^tidemark_gateway_mirrors_waiting (\d+)/m.exec(metrics)?.[1] ?? 0)
}

/** Asks again until `look` gives something. @throws Error naming `what` when it never did. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, timeoutSeconds = 120): Promise<T> {
  const deadline = Date.now() + timeoutSeconds * 1000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutSeconds} s in vain for: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS * 2))
  }
}
