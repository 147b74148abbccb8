import { createHash } from 'node:crypto'
import { type AnswerRecord, type LogRecord, type MirrorRecord, numberIn, predictionOfRow } from '@tidemark/contracts'
import { type Closing, close, dueClosings, remainingClosings, withRequests } from '@tidemark/statistics'
import type { JoinedLabel, LabelFold, PredictionFold } from '../../platform/folds.ts'
import type { Tx } from '../../platform/index.ts'
import { addAnswer, addClosedUnit, addLabel, addPair, withPoints } from './state.ts'
import * as store from './store.ts'
import type { CallerRow, EvidenceState, Half, Pair } from './types.ts'
import { closingRule, openRow, wasTossed } from './units.ts'

/** The rollout part of the log: who answered, who was mirrored, who failed. */
type RolloutRecord = (AnswerRecord & { rollout: NonNullable<AnswerRecord['rollout']> }) | MirrorRecord

/** Callers remembered by hash: evidence needs to tell them apart, not to know them. */
export function callerHash(rollout: string, caller: string): string {
  return createHash('sha256').update(`${rollout} ${caller}`).digest('base64url').slice(0, 22)
}

/**
 * Folds answers and mirrored predictions into the evidence of the rollouts they belong to. `changed` is told which rollouts have new
 * evidence, after the commit.
 */
export function rolloutEvidenceFold(changed: (key: store.EvidenceKey) => Promise<void>): PredictionFold {
  let touched: store.EvidenceKey[] = []
  return {
    name: 'rollout-evidence',
    async apply(tx, records) {
      const byRollout = Map.groupBy(records.filter(isRolloutRecord), (record) => record.rollout.id)
      const open = byRollout.size > 0 ? await store.lockOpenEvidence(tx, [...byRollout.keys()]) : []
      for (const { state, ...key } of open) {
        const own = (byRollout.get(key.rollout) ?? []).filter((record) => record.workspace === key.workspace)
        const withCallers = await foldCallers(tx, key, state, own)
        const withPairs = await foldPairs(tx, key, withCallers, own)
        await store.saveEvidence(tx, key, withPoints(withPairs))
        touched.push(key)
      }
    },
    async committed() {
      const keys = touched
      touched = []
      for (const key of keys) await changed(key)
    },
  }
}

/** Folds labels into the evidence of the rollout under way on their endpoint. */
export function rolloutLabelFold(changed: (key: store.EvidenceKey) => Promise<void>): LabelFold {
  let touched: store.EvidenceKey[] = []
  return {
    name: 'rollout-evidence',
    async apply(tx, labels) {
      const groups = Map.groupBy(labels, (label: JoinedLabel) => `${label.workspace} ${label.endpoint}`)
      for (const own of groups.values()) {
        const [first] = own
        const open = first && (await store.lockEndpointEvidence(tx, first.workspace, first.endpoint))
        if (!open) continue
        const { state, ...key } = open
        await store.saveLabels(tx, key, own)
        const joined = await foldLabels(tx, key, state, [...new Set(own.map((label) => label.entity))])
        await store.saveEvidence(tx, key, withPoints(joined))
        touched.push(key)
      }
    },
    async committed() {
      const keys = touched
      touched = []
      for (const key of keys) await changed(key)
    },
  }
}

function isRolloutRecord(record: LogRecord): record is RolloutRecord {
  return record.rollout !== null
}

/** Counts answers per caller and bets the units that close. Only stages with a weight toss a coin. */
async function foldCallers(
  tx: Tx,
  key: store.EvidenceKey,
  before: EvidenceState,
  records: readonly RolloutRecord[],
): Promise<EvidenceState> {
  const answers = records.filter((record) => record.kind === 'answer')
  const hashes = new Map(answers.map((record) => [record.id, callerHash(key.rollout, record.caller ?? record.id)]))
  const callers = new Callers(await store.callersNamed(tx, key, [...new Set(hashes.values())]))
  let state = before

  const bet = (row: CallerRow, closings: readonly Closing[]) => {
    const { caller, units } = close(row.open, closings)
    callers.put({ ...row, open: caller })
    if (wasTossed(row)) for (const unit of units) state = addClosedUnit(state, unit)
  }

  for (const record of answers) {
    const rate = state.traffic.errors / state.traffic.requests
    const failed = record.predictions === null
    const { stage, arm, weightPercent } = record.rollout
    state = addAnswer(state, record.eventTime, failed)
    if (stage > state.stage) {
      for (const row of callers.open(await store.openCallers(tx, key, stage, -1), stage, -1)) {
        bet(row, remainingClosings(row.open))
      }
      state = { ...state, stage, callersAtStage: 0 }
    }
    // A gateway that had not heard of the new weight yet: that toss is over.
    if (stage === 0 || stage < state.stage) continue
    const caller = hashes.get(record.id) ?? record.id
    const candidate = arm === 'candidate'
    let row = callers.at(caller, stage)
    if (!row) {
      row = openRow({ caller, stage, candidate, weightPercent }, callers.of(caller), state.requests)
      state = { ...state, callersAtStage: state.callersAtStage + 1 }
    }
    // A caller that changed its arm within a stage (a gateway on its lease) says nothing about the other arm.
    if (row.open.assignedCandidate !== candidate) continue
    const counted = { ...row, open: withRequests(row.open, Number(failed), 1, rate) }
    // Without a caller's name each request is a caller of its own, complete at once.
    const due =
      record.caller === null
        ? remainingClosings(counted.open)
        : dueClosings(counted.open, state.requests, closingRule(state.callersAtStage))
    bet(counted, due)
  }

  const rule = closingRule(state.callersAtStage)
  const oldest = state.requests - rule.wholeSpan
  for (const row of callers.open(await store.openCallers(tx, key, state.stage, oldest), state.stage, oldest)) {
    const due = dueClosings(row.open, state.requests, rule)
    if (due.length > 0) bet(row, due)
  }
  await store.saveCallers(tx, key, callers.changed())
  return state
}

/** The callers of a batch: as stored, with what the batch changed so far on top. */
class Callers {
  private readonly rows = new Map<string, CallerRow[]>()
  private readonly dirty = new Map<string, CallerRow>()

  constructor(stored: readonly CallerRow[]) {
    for (const row of stored) this.rows.set(row.caller, [...this.of(row.caller), row])
  }

  of(caller: string): readonly CallerRow[] {
    return this.rows.get(caller) ?? []
  }

  at(caller: string, stage: number): CallerRow | undefined {
    return this.of(caller).find((row) => row.stage === stage)
  }

  put(row: CallerRow): void {
    this.rows.set(row.caller, [...this.of(row.caller).filter((other) => other.stage !== row.stage), row])
    this.dirty.set(`${row.caller} ${row.stage}`, row)
  }

  changed(): CallerRow[] {
    return [...this.dirty.values()]
  }

  /** Of these stored rows and this batch's own, those that are still open: of earlier stages, or first seen by then. */
  open(stored: readonly CallerRow[], stage: number, firstSeen: number): CallerRow[] {
    const all = new Map(stored.map((row) => [`${row.caller} ${row.stage}`, row]))
    for (const [name, row] of this.dirty) {
      if (row.stage < stage || row.open.firstSeen <= firstSeen || all.has(name)) all.set(name, row)
    }
    return [...all.values()]
      .filter((row) => remainingClosings(row.open).length > 0)
      .sort((a, b) => a.open.firstSeen - b.open.firstSeen)
  }
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
  for (const { half, stage } of fresh) {
    if (paired.has(half.entity)) continue
    const other = waiting.get(halfName(half, !half.candidate))
    if (!other) {
      waiting.set(halfName(half, half.candidate), half)
      unmatched.set(halfName(half, half.candidate), half)
      continue
    }
    const pair = pairOf(half, other, stage)
    state = addPair(state, pair)
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

/** One half per row of the request that names its thing; a record that failed has failed for each of them. */
function halvesOf(record: RolloutRecord): { half: Half; stage: number }[] {
  const candidate = record.rollout.arm === 'candidate'
  const first = new Map<string, { half: Half; stage: number }>()
  record.entities.forEach((entity, row) => {
    if (entity === null || first.has(entity)) return
    const half = {
      prediction: record.id,
      entity,
      candidate,
      value: numberIn(predictionOfRow(record, row)),
      failed: record.predictions === null,
      eventTime: record.eventTime,
    }
    first.set(entity, { half, stage: record.rollout.stage })
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
    championFailed: champion.failed,
    candidateFailed: candidate.failed,
    eventTime: Math.min(a.eventTime, b.eventTime),
  }
}

function halfName(half: Half, candidate: boolean): string {
  return `${half.prediction} ${candidate} ${half.entity}`
}
