import { createHash } from 'node:crypto'
import {
  addLatencyUnit,
  type Closing,
  close,
  closingRuleFor,
  dueClosings,
  remainingClosings,
  withRequests,
} from '@tidemark/statistics'
import type { Tx } from '../../platform/index.ts'
import { withTime } from './latency.ts'
import { withFirstTime } from './observed.ts'
import { addAnswer, addAnswered, addClosedUnit } from './state.ts'
import * as store from './store.ts'
import type { CallerRow, EvidenceState } from './types.ts'
import { openRow, wasTossed } from './units.ts'

/** What happened to one caller: an answer of the log, or counts that somebody else reports. */
export interface CallerEvent {
  /** null: not known, so that each request is a caller of its own. */
  readonly caller: string | null
  /** Of the answer or the report. */
  readonly id: string
  readonly stage: number
  readonly candidate: boolean
  /** Share of the callers on the version on trial among those on it or on the champion. */
  readonly weightPercent: number
  /** False: sent by a rule or turned away by a cap. Such a caller was not tossed a coin and says nothing. */
  readonly tossed: boolean
  readonly requests: number
  readonly errors: number
  /** Milliseconds since 1970. */
  readonly eventTime: number
  /** Of one answer; null in reports. */
  readonly milliseconds: number | null
}

/** Callers remembered by hash: evidence needs to tell them apart, not to know them. */
export function callerHash(evidence: string, caller: string): string {
  return createHash('sha256').update(`${evidence} ${caller}`).digest('base64url').slice(0, 22)
}

/** Counts answers per caller and bets the units that close. Only stages with a weight toss a coin. */
export async function foldCallers(
  tx: Tx,
  key: store.EvidenceKey,
  before: EvidenceState,
  events: readonly CallerEvent[],
): Promise<EvidenceState> {
  const hashes = events.map((event) => callerHash(key.rollout, event.caller ?? event.id))
  const callers = new Callers(await store.callersNamed(tx, key, [...new Set(hashes)]))
  let state = before

  const bet = (row: CallerRow, own: readonly Closing[], ofTimes: readonly Closing[]) => {
    const { caller: open, units } = close(row.open, own)
    const { caller: times, units: timed } = close(row.times, ofTimes)
    callers.put({ ...row, open, times })
    if (!wasTossed(row)) return
    for (const unit of units) state = addClosedUnit(state, unit)
    for (const unit of timed) {
      state = { ...state, latency: state.latency && addLatencyUnit(state.latency, unit) }
    }
  }
  const betAll = (row: CallerRow) => bet(row, remainingClosings(row.open), remainingClosings(row.times))

  for (const [index, event] of events.entries()) {
    const rate = state.traffic.errors / state.traffic.requests
    const { stage, candidate, weightPercent, requests, errors } = event
    if (stage > state.stage) {
      for (const row of callers.open(await store.openCallers(tx, key, stage, -1), stage, -1)) betAll(row)
      state = { ...state, stage, callersAtStage: 0, requestsAtStage: 0, labelledAtStage: 0 }
    }
    const warming = state.warmUpLeft > 0
    state = addAnswer(state, event)
    if (candidate && warming) state = { ...state, warmUpLeft: Math.max(0, state.warmUpLeft - requests) }
    // A gateway that had not heard of the new weight yet: that toss is over.
    if (stage === 0 || stage < state.stage || !event.tossed) continue
    const caller = hashes[index] ?? event.id
    const known = callers.of(caller)
    let row = callers.at(caller, stage)
    if (!row) {
      row = openRow({ caller, stage, candidate, weightPercent, timed: state.latency !== null }, known, state.requests)
      const exposed = candidate && !known.some((earlier) => earlier.open.assignedCandidate)
      state = {
        ...state,
        callersAtStage: state.callersAtStage + 1,
        exposedCallers: state.exposedCallers + Number(exposed),
      }
    }
    // A caller that changed its arm within a stage (a gateway on its lease) says nothing about the other arm.
    if (row.open.assignedCandidate !== candidate) continue
    // Nobody's answers count, of either arm, while the version on trial warms up: when that ends has nothing to do with who is compared.
    if (warming) {
      callers.put(row)
      continue
    }
    let counted: CallerRow = { ...row, open: withRequests(row.open, errors, requests, rate) }
    const { latency, settings, observed } = state
    if (observed && event.milliseconds !== null && wasTossed(row) && isFirstOf(row, known)) {
      const arm = candidate ? 'candidate' : 'champion'
      state = { ...state, observed: withFirstTime(observed, arm, Math.max(0, event.milliseconds)) }
    }
    if (latency && settings.latency && event.milliseconds !== null) {
      const judged = withTime(latency, settings.latency, counted, { milliseconds: event.milliseconds, candidate })
      counted = judged.row
      state = { ...state, latency: judged.latency }
    }
    const slow = counted.times.errors - row.times.errors
    state = addAnswered(state, { candidate, requests, errors, slow })
    // Without a caller's name each request is a caller of its own, complete at once.
    if (event.caller === null) betAll(counted)
    else {
      const rule = closingRuleFor(state.callersAtStage)
      bet(counted, dueClosings(counted.open, state.requests, rule), dueClosings(counted.times, state.requests, rule))
    }
  }

  const rule = closingRuleFor(state.callersAtStage)
  const oldest = state.requests - rule.wholeSpan
  for (const row of callers.open(await store.openCallers(tx, key, state.stage, oldest), state.stage, oldest)) {
    const due = dueClosings(row.open, state.requests, rule)
    const ofTimes = dueClosings(row.times, state.requests, rule)
    if (due.length > 0 || ofTimes.length > 0) bet(row, due, ofTimes)
  }
  await store.saveCallers(tx, key, callers.changed())
  return state
}

/** Whether nothing was counted yet of the caller on its arm, at this stage or an earlier one: one answer a caller is independent of the others. */
function isFirstOf({ open }: CallerRow, known: readonly CallerRow[]): boolean {
  const same = known.filter((row) => row.open.assignedCandidate === open.assignedCandidate)
  return open.requests === 0 && same.every((row) => row.open.requests === 0)
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
      .filter((row) => remainingClosings(row.open).length > 0 || remainingClosings(row.times).length > 0)
      .sort((a, b) => a.open.firstSeen - b.open.firstSeen)
  }
}
