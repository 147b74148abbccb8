import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AnswerRecord, type EventRecord, LogRecord } from '@tidemark/contracts'
import { ENDPOINT } from '../demo/config.ts'
import type { Platform } from '../demo/context.ts'

/** All answers in the prediction log, read from its files, as an auditor would. A torn last line has no newline and was never acknowledged. */
export function answersInLog(dataDir: string): AnswerRecord[] {
  const root = join(dataDir, 'log')
  return readdirSync(root)
    .flatMap((gateway) => readdirSync(join(root, gateway)).map((file) => join(root, gateway, file)))
    .filter((file) => file.endsWith('.ndjson'))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(1, -1))
    .map((line) => LogRecord.parse(JSON.parse(line)))
    .filter((record) => record.kind === 'answer')
}

/**
 * The ids of all answers of an endpoint that the log holds: each line of its segments, and what is in the archive alone, where segments go that
 * were read to their end.
 */
export async function idsInLog({ client }: Platform, dataDir: string, endpoint: string): Promise<string[]> {
  const inSegments = answersInLog(dataDir).map(({ id }) => id)
  const known = new Set(inSegments)
  const archived: string[] = []
  for (let cursor: string | undefined; ; ) {
    const query = { limit: 1000, ...(cursor ? { cursor } : {}) }
    const page = await client.monitoring.listPredictions({ params: { endpoint }, query })
    archived.push(...page.predictions.map(({ id }) => id).filter((id) => !known.has(id)))
    if (page.nextCursor === null) return [...inSegments, ...archived]
    cursor = page.nextCursor
  }
}

/** All events, in the order of their positions. */
export async function allEvents({ client }: Platform): Promise<EventRecord[]> {
  const all: EventRecord[] = []
  for (;;) {
    const { events } = await client.platform.listEvents({ query: { after: all.at(-1)?.position ?? 0, limit: 1000 } })
    if (events.length === 0) return all
    all.push(...events)
  }
}

/** What the windows of the endpoint count together. */
export async function countedInWindows({ client }: Platform): Promise<number> {
  const { windows } = await client.monitoring.listWindows({ params: { endpoint: ENDPOINT }, query: { limit: 1000 } })
  return windows.reduce((sum, { predictions }) => sum + predictions, 0)
}

/** Effects that must happen once, each named by what it is one of; the value says how often it happened. */
export function effects(events: readonly EventRecord[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { type, subject, payload, causes } of events) {
    const name = effectName(type, subject, payload, causes)
    if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

function effectName(
  type: string,
  subject: string,
  payload: EventRecord['payload'],
  causes: readonly string[],
): string | null {
  switch (type) {
    case 'pipelines.run_started':
    case 'registry.version_registered':
    case 'registry.candidate_registered':
    case 'governance.approval_requested':
    case 'governance.version_approved':
    case 'deployments.rollout_started':
    case 'monitoring.window_closed':
      return `${type} ${subject}`
    case 'pipelines.run_succeeded':
    case 'pipelines.run_failed':
      return `end of ${subject}`
    case 'evaluation.gates_passed':
    case 'evaluation.gates_failed':
      return `gates of ${subject}`
    case 'deployments.rollout_promoted':
    case 'deployments.rollout_rolled_back':
      return `end of ${subject}`
    case 'deployments.rollout_shifted':
      return `${type} ${subject} to ${String(payload.weightPercent)}`
    // Each follows from one event: the endpoint's begin, or a promotion.
    case 'registry.alias_set':
      return `${type} ${String(payload.alias)} because of ${causes.join(',')}`
    default:
      return null
  }
}
