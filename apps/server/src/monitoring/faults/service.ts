import { inputFaultDetected, inputFaultResolved, scalarOf } from '@tidemark/contracts'
import type { MagnitudeCounts } from '@tidemark/statistics'
import { entityOf } from '../../platform/folds.ts'
import { type Actor, inTransaction, type Platform, type Queryable, type Tx } from '../../platform/index.ts'
import { FaultNotFound, FaultResolved } from '../errors.ts'
import type { LogLookup } from '../log/lookup.ts'
import { numberOf, type Profile } from '../reference/profile.ts'
import type { EndpointKey, MonitoredEndpoint } from '../types.ts'
import { nameOfTime } from '../windows/calendar.ts'
import { magnitudesOf, type WindowCounts } from '../windows/counts.ts'
import { short, type UnitSuspicion } from '../windows/decide.ts'
import { countsOf, eventTimeOf, lockEndpoint, type WindowRow, windowsBefore } from '../windows/store.ts'
import { extentOf, type FaultExtent, type FirstValue, isSudden } from './decide.ts'
import * as store from './store.ts'

/** How far back a fault's beginning is looked for. */
const WINDOWS_BACK = 12
/** Rows that make the windows before a better yardstick than the training rows. */
const ENOUGH_RECENT = 100

export type FaultFinding =
  | { readonly kind: 'new'; readonly suspicion: UnitSuspicion; readonly extent: FaultExtent }
  | { readonly kind: 'known'; readonly fault: store.FaultRow; readonly extent: FaultExtent }

/** What a window says about unit faults: new ones, and how far those known reach by now. Reads only; may scan the log. */
export async function findFaults(
  db: Queryable,
  lookup: LogLookup,
  key: EndpointKey,
  window: WindowRow,
  profile: Profile,
  counts: WindowCounts,
  suspicions: readonly UnitSuspicion[],
): Promise<FaultFinding[]> {
  const open = await store.openFaults(db, key)
  const fresh = suspicions.filter(({ feature }) => !open.some((fault) => fault.feature === feature))
  if (open.length === 0 && fresh.length === 0) return []
  const before = await windowsBefore(db, key, window.starts, WINDOWS_BACK)
  const past = await store.listFaults(db, key)
  const findings: FaultFinding[] = []
  for (const suspicion of fresh) {
    const recent = await recentMagnitudes(db, key, before, past, suspicion.feature)
    const here = magnitudesOf(counts.get(suspicion.feature))
    if (!isSudden(suspicion, here, recent, yardstick(profile, suspicion.feature, {}))) continue
    const from = earliestOf(before, past, suspicion.feature) ?? window.starts
    const values = await firstValues(db, lookup, key, suspicion.feature, from, window.ends)
    const extent = extentOf(values, yardstick(profile, suspicion.feature, recent), suspicion.fault, null)
    if (extent) findings.push({ kind: 'new', suspicion, extent })
  }
  for (const fault of open) {
    const untouched = before.filter((each) => each.ends <= fault.since)
    const recent = await recentMagnitudes(db, key, untouched, past, fault.feature)
    const values = await firstValues(db, lookup, key, fault.feature, fault.since, window.ends)
    const extent = extentOf(values, yardstick(profile, fault.feature, recent), fault, fault.since)
    if (extent) findings.push({ kind: 'known', fault, extent })
  }
  return findings
}

/** Magnitudes of a feature in earlier windows that no fault of it touched. */
async function recentMagnitudes(
  db: Queryable,
  { workspace }: EndpointKey,
  before: readonly WindowRow[],
  past: readonly store.FaultRow[],
  feature: string,
): Promise<MagnitudeCounts> {
  const good = before.filter((window) => !past.some((fault) => fault.feature === feature && touches(fault, window)))
  const counts = await countsOf(
    db,
    workspace,
    good.map((window) => window.id),
  )
  return magnitudesOf(counts.get(feature))
}

function touches(fault: store.FaultRow, window: WindowRow): boolean {
  return fault.since < window.ends && (fault.until === null || fault.until > window.starts)
}

/** Beginning of the span in which a new fault may have begun: after the last fault of the feature. */
function earliestOf(before: readonly WindowRow[], past: readonly store.FaultRow[], feature: string): Date | undefined {
  const over = past.find((fault) => fault.feature === feature)?.until
  return before
    .map((window) => window.starts)
    .filter((start) => !over || start >= over)
    .at(-1)
}

function yardstick(profile: Profile, name: string, recent: MagnitudeCounts): MagnitudeCounts {
  const rows = Object.values(recent).reduce((sum, n) => sum + n, 0)
  const feature = profile.features.find((each) => each.name === name)
  return rows >= ENOUGH_RECENT || feature?.kind !== 'numeric' ? recent : feature.magnitudes
}

/** The first value of each thing in a span, from the log. */
async function firstValues(
  db: Queryable,
  lookup: LogLookup,
  key: EndpointKey,
  feature: string,
  from: Date,
  to: Date,
): Promise<FirstValue[]> {
  const first = new Map<string, FirstValue>()
  for await (const record of lookup.between(db, key, from, to)) {
    const column = record.columns.indexOf(feature)
    record.rows.forEach((cells, row) => {
      const entity = entityOf(record, row)
      if (first.has(entity)) return
      const value = column < 0 ? null : numberOf(scalarOf(cells[column]))
      first.set(entity, { entity, at: new Date(record.eventTime), value, prediction: record.id })
    })
  }
  return [...first.values()]
}

/** A fault's event that is still to be appended: events come last in a transaction. */
export interface PendingEvent {
  append(tx: Tx, platform: Platform, actor: Actor, occurredAt: Date): Promise<void>
}

/** Writes what was found: faults, their ends, the quarantine. Under the endpoint's lock. */
export async function recordFaults(
  tx: Tx,
  key: EndpointKey,
  facts: MonitoredEndpoint,
  window: WindowRow,
  findings: readonly FaultFinding[],
): Promise<PendingEvent[]> {
  const events: PendingEvent[] = []
  for (const finding of findings) {
    const { extent } = finding
    if (finding.kind === 'new') {
      const event = await recordNew(tx, key, facts, window, finding.suspicion, extent)
      if (event) events.push(event)
      continue
    }
    const { fault } = finding
    const added = await store.quarantine(tx, key, fault.id, extent.affected)
    if (!extent.until) continue
    const resolution = `values are as before from ${extent.until.toISOString().slice(0, 10)} on`
    if (!(await store.endFault(tx, key.workspace, fault.id, extent.until, resolution))) continue
    events.push(resolvedEvent(fault, extent.until, resolution, fault.quarantined + added))
  }
  return events
}

async function recordNew(
  tx: Tx,
  key: EndpointKey,
  facts: MonitoredEndpoint,
  window: WindowRow,
  { feature, fault, logEvidence }: UnitSuspicion,
  extent: FaultExtent,
): Promise<PendingEvent | null> {
  const since = nameOfTime(extent.since, facts.policy.window)
  const summary = `${feature} arrives multiplied by ${short(fault.factor)} (${fault.meaning}) since ${since}; ${extent.affected.length} things quarantined, retraining would learn the mistake`
  const id = await store.insertFault(tx, key, {
    feature,
    factor: fault.factor,
    share: fault.share,
    since: extent.since,
    until: extent.until,
    resolution: extent.until && `values are as before from ${extent.until.toISOString().slice(0, 10)} on`,
    sentence: summary,
    window_id: window.id,
  })
  if (id === null) return null
  const quarantined = await store.quarantine(tx, key, id, extent.affected)
  return {
    append: async (transaction, platform, actor, occurredAt) => {
      const event = await platform.events.append(
        transaction,
        actor,
        inputFaultDetected,
        {
          endpoint: key.endpoint,
          window: window.id,
          from: window.starts.toISOString(),
          to: window.ends.toISOString(),
          feature,
          factor: fault.factor,
          since: extent.since.toISOString(),
          summary,
          evidence: { fault: id, logEvidence, meaning: fault.meaning, shareOfRows: fault.share },
          quarantined,
        },
        occurredAt,
      )
      await store.setFaultEvent(transaction, key.workspace, id, event)
    },
  }
}

function resolvedEvent(fault: store.FaultRow, until: Date, reason: string, quarantined: number): PendingEvent {
  return {
    append: async (tx, platform, actor, occurredAt) => {
      const { id, endpoint, feature } = fault
      const payload = { fault: id, endpoint, feature, until: until.toISOString(), reason, quarantined }
      await platform.events.append(tx, actor, inputFaultResolved, payload, occurredAt)
    },
  }
}

/** A person says that the sender was mended. */
export async function resolveFault(
  platform: Platform,
  actor: Actor,
  endpoint: string,
  id: string,
  reason: string,
  until: Date | null,
): Promise<store.FaultRow> {
  actor.require('monitoring.write', endpoint)
  const key = { workspace: actor.workspace, endpoint }
  return inTransaction(platform.db, async (tx) => {
    await lockEndpoint(tx, key)
    const fault = (await store.listFaults(tx, key)).find((each) => each.id === id)
    if (!fault) throw FaultNotFound(id, endpoint)
    const now = (await eventTimeOf(tx, key)) ?? platform.clock.now()
    const end = until ?? now
    if (!(await store.endFault(tx, key.workspace, id, end, reason))) throw FaultResolved(id)
    await resolvedEvent(fault, end, reason, fault.quarantined).append(tx, platform, actor, now)
    return { ...fault, until: end, resolution: reason }
  })
}
