import { join } from 'node:path'
import type { LabelHistory, LabelInput, LabelsReply } from '@tidemark/contracts'
import type { z } from 'zod'
import { entityKey, entityOf } from '../../platform/folds.ts'
import { type Actor, inTransaction, type Platform } from '../../platform/index.ts'
import { EndpointNotMonitored } from '../errors.ts'
import type { LogLookup } from '../log/lookup.ts'
import { watchRealised } from '../performance/service.ts'
import type { EndpointKey, MonitoringPorts } from '../types.ts'
import { eventTimeOf, lockEndpoint } from '../windows/store.ts'
import { sortLabels } from './decide.ts'
import { checkedLabels, type LabelFileFormat } from './file.ts'
import { joinLosses } from './join.ts'
import { insertLabels, labelHistory, type NewLabel, valuesOf } from './store.ts'

/**
 * Takes labels: by business key or prediction id, late, twice, corrected. What they mean (realised losses, a rollout's evidence, lost
 * performance) is written in the same transaction.
 */
export async function putLabels(
  platform: Platform,
  ports: MonitoringPorts,
  lookup: LogLookup,
  actor: Actor,
  endpoint: string,
  given: readonly z.output<typeof LabelInput>[],
): Promise<z.infer<typeof LabelsReply>> {
  actor.require('monitoring.write', endpoint)
  const key = { workspace: actor.workspace, endpoint }
  const facts = await ports.endpoint(platform.db, key.workspace, endpoint)
  if (!facts) throw EndpointNotMonitored(endpoint)
  const now = platform.clock.now()
  // In replay a label without a date became known at the time that the requests have come to.
  const knownAt = facts.replay ? ((await eventTimeOf(platform.db, key)) ?? now) : now
  const { labels, unknown } = await resolveEntities(platform, lookup, key, given, knownAt)
  const sorted = await inTransaction(platform.db, async (tx) => {
    await lockEndpoint(tx, key)
    const known = await valuesOf(tx, key, [...new Set(labels.map((label) => label.entity))])
    const result = sortLabels(labels, known)
    // In the order in which they came: of two values for one new thing the first is the one that evidence joins.
    const keep = new Set([...result.accepted, ...result.corrected])
    await insertLabels(
      tx,
      key,
      labels.filter((label) => keep.has(label)),
      now,
      actor.id,
    )
    if (result.accepted.length === 0) return result
    await joinLosses(
      tx,
      key,
      facts.policy.loss,
      result.accepted.map((label) => label.entity),
    )
    // What other modules compare is numbers.
    const joined = result.accepted.flatMap(({ value, ...label }) =>
      typeof value === 'number' ? [{ ...key, ...label, value }] : [],
    )
    if (joined.length > 0) for (const fold of ports.labelFolds) await fold.apply(tx, joined)
    await watchRealised(platform, tx, key, facts)
    return result
  })
  if (sorted.accepted.length > 0) {
    const touched = new Set([`${key.workspace}/${endpoint}`])
    for (const fold of ports.labelFolds) await fold.committed?.(touched)
    platform.live.changed('health', endpoint)
  }
  return {
    accepted: sorted.accepted.length,
    corrected: sorted.corrected.length,
    repeated: sorted.repeated,
    unknown,
  }
}

/** Labels that are stored in one transaction of a file's. */
const PART_LABELS = 5_000
/** Unknown predictions of a file that are named; the rest is counted. */
const MOST_NAMED = 1_000

/**
 * Takes a file of labels. All lines are checked before any is stored; they are stored in parts, each whole, and a file that is sent again after a crash is
 * joined once, since what is known is counted as repeated.
 */
export async function putLabelFile(
  platform: Platform,
  ports: MonitoringPorts,
  lookup: LogLookup,
  actor: Actor,
  endpoint: string,
  source: AsyncIterable<Buffer>,
  format: LabelFileFormat,
): Promise<z.infer<typeof LabelsReply> & { unknownCount: number }> {
  actor.require('monitoring.write', endpoint)
  if (!(await ports.endpoint(platform.db, actor.workspace, endpoint))) throw EndpointNotMonitored(endpoint)
  const folder = join(platform.config.dataDir, 'data-work')
  const file = await checkedLabels(source, format, folder, PART_LABELS)
  const total = { accepted: 0, corrected: 0, repeated: 0, unknown: [] as string[], unknownCount: 0 }
  try {
    for await (const part of file.parts) {
      const reply = await putLabels(platform, ports, lookup, actor, endpoint, part)
      total.accepted += reply.accepted
      total.corrected += reply.corrected
      total.repeated += reply.repeated
      total.unknownCount += reply.unknown.length
      total.unknown.push(...reply.unknown.slice(0, MOST_NAMED - total.unknown.length))
    }
    return total
  } finally {
    await file.remove()
  }
}

/** Business keys of labels that were given by prediction id: the log has them, counted or not. */
async function resolveEntities(
  platform: Platform,
  lookup: LogLookup,
  { workspace, endpoint }: EndpointKey,
  given: readonly z.output<typeof LabelInput>[],
  now: Date,
): Promise<{ labels: NewLabel[]; unknown: string[] }> {
  const ids = given.flatMap((label) => ('prediction' in label ? [label.prediction] : []))
  const predictions = await lookup.findMany(platform.db, workspace, ids)
  const labels: NewLabel[] = []
  const unknown: string[] = []
  for (const label of given) {
    const knownAt = label.knownAt === undefined ? now : new Date(label.knownAt)
    if ('entity' in label) {
      labels.push({ entity: entityKey(label.entity), value: label.value, knownAt })
      continue
    }
    const answer = predictions.get(label.prediction)?.answer
    if (answer?.endpoint === endpoint && label.row < answer.rows.length) {
      labels.push({ entity: entityOf(answer, label.row), value: label.value, knownAt })
    } else {
      unknown.push(label.row === 0 ? label.prediction : `${label.prediction} row ${label.row}`)
    }
  }
  return { labels, unknown }
}

/** Every value ever given for a thing. */
export async function getLabel(
  platform: Platform,
  actor: Actor,
  endpoint: string,
  entity: string,
): Promise<z.infer<typeof LabelHistory>> {
  const rows = await labelHistory(platform.db, { workspace: actor.workspace, endpoint }, entityKey(entity))
  return {
    entity,
    values: rows.map((row) => ({
      value: row.value,
      knownAt: row.knownAt.toISOString(),
      recordedAt: row.recordedAt.toISOString(),
      by: row.actor,
    })),
  }
}
