import { driftDetected } from '@tidemark/contracts'
import { type Actor, inTransaction, type Platform } from '../../platform/index.ts'
import { findFaults, recordFaults } from '../faults/service.ts'
import { openFaults } from '../faults/store.ts'
import type { LogLookup } from '../log/lookup.ts'
import { watchRealised } from '../performance/service.ts'
import { profileById } from '../reference/store.ts'
import type { MonitoringPorts } from '../types.ts'
import { judgeWindow, nameOfFeature, summariseAlarms } from './decide.ts'
import { countsOf, eventTimeOf, knownDrift, lockEndpoint, saveVerdict, setEvent, windowById } from './store.ts'

/** Drift that paused for more windows than this is news when it comes again. */
const WINDOWS_REMEMBERED = 12

/**
 * Judges a closed window, once: its checks, unit faults, then the losses whose inputs are now known to be good. Drift is shown and recorded
 * and never retrains by itself; only lost performance asks for that.
 */
export async function assessWindow(
  platform: Platform,
  ports: MonitoringPorts,
  lookup: LogLookup,
  actor: Actor,
  id: string,
): Promise<void> {
  const { db } = platform
  const { workspace } = actor
  const window = await windowById(db, workspace, id)
  if (window?.state !== 'closed') return
  const key = { workspace, endpoint: window.endpoint }
  const facts = await ports.endpoint(db, workspace, window.endpoint)
  if (!facts) return
  const stored = window.profile ? await profileById(db, workspace, window.profile) : null
  const counts = await countsOf(db, workspace, [id])
  const verdict = judgeWindow(stored?.profile ?? null, counts, window.entities, facts.policy)
  const suspicions = verdict.kind === 'judged' ? verdict.suspicions : []
  const findings = stored ? await findFaults(db, lookup, key, window, stored.profile, counts, suspicions) : []
  const checks = verdict.kind === 'judged' ? verdict.checks : []

  await inTransaction(db, async (tx) => {
    await lockEndpoint(tx, key)
    const reason = verdict.kind === 'not_judged' ? verdict.reason : null
    if (!(await saveVerdict(tx, workspace, id, { state: verdict.kind, reason, checks }))) return
    const now = (await eventTimeOf(tx, key)) ?? window.ends
    const faultEvents = await recordFaults(tx, key, facts, window, findings)
    const faulty = new Set((await openFaults(tx, key)).map((fault) => fault.feature))
    for (const finding of findings) if (finding.kind === 'new') faulty.add(finding.suspicion.feature)
    // A feature that arrives in the wrong unit has not drifted: it is named as what it is.
    const known = await knownDrift(tx, key, window.starts, WINDOWS_REMEMBERED)
    // Told once: a feature that goes on drifting is shown window by window, but is no news.
    const drifted = checks.filter((check) => check.alarm && !faulty.has(check.feature) && !known.has(check.feature))

    if (drifted.length > 0) {
      const event = await platform.events.append(
        tx,
        actor,
        driftDetected,
        {
          endpoint: window.endpoint,
          window: id,
          from: window.starts.toISOString(),
          to: window.ends.toISOString(),
          features: [...new Set(drifted.map((check) => nameOfFeature(check.feature)))],
          summary: summariseAlarms(drifted),
          evidence: {
            checks: checks.length,
            alarms: drifted.length,
            things: window.entities,
            alpha: facts.policy.alpha,
            smallestAdjustedPValue: Math.min(...drifted.map((check) => check.adjustedPValue)),
          },
        },
        now,
      )
      await setEvent(tx, workspace, id, 'drift_event', event)
    }
    for (const event of faultEvents) await event.append(tx, platform, actor, now)
    await watchRealised(platform, tx, key, facts)
  })
  platform.live.changed('health', window.endpoint)
}
