import {
  type AnswerRecord,
  type JsonValue,
  type LogRecord,
  type MirrorRecord,
  numberIn,
  predictionOfRow,
} from '@tidemark/contracts'
import { shareAgainstChampion } from '@tidemark/statistics'
import { entityOf, type JoinedLabel, type LabelFold, type PredictionFold } from '../../platform/folds.ts'
import type { Tx } from '../../platform/index.ts'
import { type CallerEvent, foldCallers } from './callers.ts'
import { withPoints } from './points.ts'
import { addAged, addLabel, addPair } from './state.ts'
import * as store from './store.ts'
import type { EvidenceState, Half, Pair } from './types.ts'

/** The rollout part of the log: who answered, who was mirrored, who failed. */
type RolloutRecord = (AnswerRecord & { rollout: NonNullable<AnswerRecord['rollout']> }) | MirrorRecord

/**
 * Folds answers and mirrored predictions into the evidence of the rollouts they belong to. `changed` is told which rollouts have new
 * evidence, after the commit.
 */
export function rolloutEvidenceFold(changed: (key: store.EvidenceKey) => Promise<void>): PredictionFold {
  const touched = touchedRollouts(changed)
  return {
    name: 'rollout-evidence',
    async apply(tx, records) {
      const byRollout = Map.groupBy(records.filter(isRolloutRecord), (record) => record.rollout.id)
      const open = byRollout.size > 0 ? await store.lockOpenEvidence(tx, [...byRollout.keys()]) : []
      for (const { state, parent, version, ...key } of open) {
        const all = (byRollout.get(parent) ?? []).filter((record) => record.workspace === key.workspace)
        const own = all.filter((record) => record.rollout.arm === 'champion' || isOf(record, version))
        const withCallers = await foldCallers(tx, key, state, callerEvents(all, version))
        const withPairs = await foldPairs(tx, key, withCallers, own)
        await store.saveEvidence(tx, key, withPoints(await foldAged(tx, key, withPairs)))
        touched.add(key.workspace, parent)
      }
    },
    committed: touched.tell,
  }
}

/** Folds labels into the evidence of the rollout under way on their endpoint. */
export function rolloutLabelFold(changed: (key: store.EvidenceKey) => Promise<void>): LabelFold {
  const touched = touchedRollouts(changed)
  return {
    name: 'rollout-evidence',
    async apply(tx, labels) {
      const groups = Map.groupBy(labels, (label: JoinedLabel) => `${label.workspace} ${label.endpoint}`)
      for (const own of groups.values()) {
        const [first] = own
        const open = first ? await store.lockEndpointEvidence(tx, first.workspace, first.endpoint) : []
        for (const { state, parent, version: _, ...key } of open) {
          await store.saveLabels(tx, key, own)
          const joined = await foldLabels(tx, key, state, [...new Set(own.map((label) => label.entity))])
          await store.saveEvidence(tx, key, withPoints(joined))
          touched.add(key.workspace, parent)
        }
      }
    },
    committed: touched.tell,
  }
}

/** The rollouts that a batch gave evidence to; each is told once, after the commit. */
function touchedRollouts(changed: (key: store.EvidenceKey) => Promise<void>) {
  const touched = new Map<string, store.EvidenceKey>()
  return {
    add(workspace: string, rollout: string): void {
      touched.set(`${workspace} ${rollout}`, { workspace, rollout })
    },
    async tell(): Promise<void> {
      const keys = [...touched.values()]
      touched.clear()
      for (const key of keys) await changed(key)
    },
  }
}

function isRolloutRecord(record: LogRecord): record is RolloutRecord {
  return record.rollout !== null
}

/** What the answers say of callers, for the evidence of one version. */
function callerEvents(records: readonly RolloutRecord[], version: string | null): CallerEvent[] {
  return records.flatMap((record) => {
    if (record.kind !== 'answer') return []
    const { stage, arm, by, weights } = record.rollout
    // A caller of another version on trial is no part of this comparison, now or later: it counts as one that was given away for certain.
    const elsewhere = arm === 'candidate' && !isOf(record, version)
    const share =
      weights && version !== null
        ? 100 *
          shareAgainstChampion(
            mapValues(weights, (weight) => weight / 100),
            version,
          )
        : record.rollout.weightPercent
    return [
      {
        caller: record.caller,
        id: record.id,
        stage,
        candidate: arm === 'candidate' && !elsewhere,
        weightPercent: elsewhere ? 100 : share,
        tossed: by === undefined,
        requests: 1,
        errors: Number(record.predictions === null),
        eventTime: record.eventTime,
        milliseconds: record.milliseconds,
      },
    ]
  })
}

function isOf(record: RolloutRecord, version: string | null): boolean {
  return version === null || record.version === version
}

function mapValues(record: Readonly<Record<string, number>>, of: (value: number) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value)]))
}

/** Joins the two versions' predictions of each thing, the first time that both have one. */
async function foldPairs(
  tx: Tx,
  key: store.EvidenceKey,
  before: EvidenceState,
  records: readonly RolloutRecord[],
): Promise<EvidenceState> {
  const fresh = records.flatMap(halvesOf)
  if (fresh.length === 0) return before
  const paired = await store.pairedAmong(tx, key, [...new Set(fresh.map(({ half }) => half.entity))])
  const stored = await store.halvesOf(tx, key, [...new Set(fresh.map(({ half }) => half.prediction))])
  const waiting = new Map(stored.map((half) => [halfName(half, half.candidate), half]))
  const unmatched = new Map<string, Half>()
  const pairs: Pair[] = []
  let state = before
  for (const { half, stage, mirrored } of fresh) {
    const warming = state.warmUpLeft > 0
    if (half.candidate && mirrored && warming) state = { ...state, warmUpLeft: state.warmUpLeft - 1 }
    if (paired.has(half.entity)) continue
    const other = waiting.get(halfName(half, !half.candidate))
    if (!other) {
      waiting.set(halfName(half, half.candidate), half)
      unmatched.set(halfName(half, half.candidate), half)
      continue
    }
    const pair = pairOf(half, other, stage)
    state = addPair(state, pair, !warming)
    paired.add(pair.entity)
    pairs.push(pair)
  }
  await store.saveHalves(
    tx,
    key,
    [...unmatched.values()].filter((half) => !paired.has(half.entity)),
  )
  await store.savePairs(tx, key, pairs)
  return pairs.length === 0
    ? state
    : foldLabels(
        tx,
        key,
        state,
        pairs.map((pair) => pair.entity),
      )
}

async function foldLabels(
  tx: Tx,
  key: store.EvidenceKey,
  before: EvidenceState,
  entities: readonly string[],
): Promise<EvidenceState> {
  let state = before
  for (const { pair, label } of await store.joinLabels(tx, key, entities)) state = addLabel(state, pair, label)
  return state
}

/** Reads the labels of the pairs that have reached their age: by the time of the log, which no label can put forward. */
async function foldAged(tx: Tx, key: store.EvidenceKey, before: EvidenceState): Promise<EvidenceState> {
  const { eventTimeTo: now, settings } = before
  const age = settings.labelAgeMilliseconds
  if (age === null || now === null) return before
  const aged = await store.takeAged(tx, key, new Date(now - age))
  return aged.reduce((state, pair) => addAged(state, pair, now), before)
}

/** One half per row of the request; a record that failed has failed for each of them. A row without a business key is a thing of its own. */
function halvesOf(record: RolloutRecord): { half: Half; stage: number; mirrored: boolean }[] {
  const candidate = record.rollout.arm === 'candidate'
  const first = new Map<string, { half: Half; stage: number; mirrored: boolean }>()
  record.entities.forEach((_, row) => {
    const entity = entityOf(record, row)
    if (first.has(entity)) return
    const said: JsonValue = predictionOfRow(record, row) ?? null
    const half = {
      prediction: record.id,
      entity,
      candidate,
      value: numberIn(said),
      said,
      failed: record.predictions === null,
      eventTime: record.eventTime,
    }
    first.set(entity, { half, stage: record.rollout.stage, mirrored: record.kind === 'mirror' })
  })
  return [...first.values()]
}

function pairOf(a: Half, b: Half, stage: number): Pair {
  const [candidate, champion] = a.candidate ? [a, b] : [b, a]
  return {
    entity: a.entity,
    stage,
    champion: champion.value,
    candidate: candidate.value,
    championSaid: champion.said,
    candidateSaid: candidate.said,
    championFailed: champion.failed,
    candidateFailed: candidate.failed,
    eventTime: Math.min(a.eventTime, b.eventTime),
  }
}

function halfName(half: Half, candidate: boolean): string {
  return `${half.prediction} ${candidate} ${half.entity}`
}
