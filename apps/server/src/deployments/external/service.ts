import {
  type EvidenceRollout as EvidenceRolloutView,
  evidenceRolloutBegun,
  evidenceRolloutEnded,
  evidenceRolloutJudged,
  type Observation,
  type RolloutPolicy,
  uuidv7,
  type Verdict,
} from '@tidemark/contracts'
import { type Actor, inTransaction, type Platform } from '../../platform/index.ts'
import { EvidenceRolloutEnded, ObservationWrong, RolloutNotFound } from '../errors.ts'
import { foldCallers } from '../evidence/callers.ts'
import { guardrailsOf } from '../evidence/guardrails.ts'
import { withPoints } from '../evidence/points.ts'
import { evidenceSettings, startEvidence } from '../evidence/state.ts'
import { closeEvidence, createEvidence, evidencesOf, lockOpenEvidence, saveEvidence } from '../evidence/store.ts'
import type { EvidenceState } from '../evidence/types.ts'
import { judge } from './decide.ts'
import * as store from './store.ts'

/** Judges rollouts that somebody else's mesh carries out: counts of callers come in, the verdict goes out. */
export class ExternalRollouts {
  private readonly platform: Platform

  constructor(platform: Platform) {
    this.platform = platform
  }

  /** Begins to judge. @returns the rollout's id. */
  async begin(actor: Actor, name: string, policy: RolloutPolicy): Promise<string> {
    actor.require('deployments.write', `rollout ${name}`)
    const id = uuidv7()
    const { workspace } = actor
    await inTransaction(this.platform.db, async (tx) => {
      const createdAt = this.platform.clock.now()
      const verdict = { verdict: 'hold' as const, reason: 'nothing was reported yet' }
      await store.insertExternal(tx, {
        workspace,
        id,
        name,
        policy,
        state: 'open',
        ...verdict,
        createdAt,
        endedAt: null,
      })
      // No endpoint of the platform has such a name: labels and the log never find it.
      const owner = { workspace, rollout: id, parent: id, version: null, endpoint: `#${id}` }
      await createEvidence(tx, owner, startEvidence(evidenceSettings(policy, null)))
      await this.platform.events.append(tx, actor, evidenceRolloutBegun, { rollout: id, name })
    })
    return id
  }

  /** Counts a report once, whatever happened to its answer. A changed verdict is an event. */
  async observe(
    actor: Actor,
    id: string,
    report: { report: string; at?: string | undefined; observations: readonly Observation[] },
  ): Promise<void> {
    actor.require('deployments.write', `rollout ${id}`)
    const { workspace } = actor
    const place = report.observations.findIndex(({ errors, requests }) => errors > requests)
    if (place >= 0) throw ObservationWrong(place, 'more errors than requests.')
    await inTransaction(this.platform.db, async (tx) => {
      const rollout = await store.lockExternal(tx, workspace, id)
      if (!rollout) throw RolloutNotFound(id)
      if (rollout.state === 'ended') throw EvidenceRolloutEnded(rollout.name)
      const now = this.platform.clock.now()
      if (!(await store.insertReport(tx, { workspace, rollout: id, report: report.report, at: now }))) return
      const owned = (await lockOpenEvidence(tx, [id])).find((each) => each.workspace === workspace)
      if (!owned) throw new Error(`Rollout ${id} has no evidence row.`)
      const eventTime = report.at === undefined ? now.getTime() : Date.parse(report.at)
      const key = { workspace, rollout: id }
      const events = report.observations.map((each, index) => ({
        ...each,
        id: `${report.report} ${index}`,
        candidate: each.arm === 'candidate',
        tossed: true,
        eventTime,
        milliseconds: null,
      }))
      const state = withPoints(await foldCallers(tx, key, owned.state, events))
      await saveEvidence(tx, key, state)
      const judged = judge(rollout.policy, guardrailsOf(state))
      await store.saveExternal(tx, { ...rollout, ...judged })
      if (judged.verdict === rollout.verdict || judged.verdict === 'hold') return
      const { verdict, reason } = judged
      const payload = { rollout: id, name: rollout.name, verdict, reason, evidence: numbersOf(state) }
      await this.platform.events.append(tx, actor, evidenceRolloutJudged, payload)
    })
    this.platform.live.changed('rollout', id)
  }

  /** Takes no more observations; the verdict stays. */
  async end(actor: Actor, id: string, reason: string): Promise<void> {
    actor.require('deployments.write', `rollout ${id}`)
    await inTransaction(this.platform.db, async (tx) => {
      const rollout = await store.lockExternal(tx, actor.workspace, id)
      if (!rollout) throw RolloutNotFound(id)
      if (rollout.state === 'ended') throw EvidenceRolloutEnded(rollout.name)
      await store.saveExternal(tx, { ...rollout, state: 'ended', endedAt: this.platform.clock.now() })
      await closeEvidence(tx, { workspace: actor.workspace, rollout: id })
      await store.forgetReports(tx, actor.workspace, id)
      await this.platform.events.append(tx, actor, evidenceRolloutEnded, { rollout: id, name: rollout.name, reason })
    })
  }

  async view(workspace: string, id: string): Promise<EvidenceRolloutView> {
    const rollout = await store.externalById(this.platform.db, workspace, id)
    if (!rollout) throw RolloutNotFound(id)
    return viewOf(rollout)
  }

  async list(workspace: string, limit: number): Promise<EvidenceRolloutView[]> {
    return (await store.externalsOf(this.platform.db, workspace, limit)).map(viewOf)
  }

  /** The standing as one value; null when there is no such rollout here. */
  async verdict(workspace: string, id: string): Promise<Verdict | null> {
    const { db } = this.platform
    const rollout = await store.externalById(db, workspace, id)
    if (!rollout) return null
    const [owned] = await evidencesOf(db, workspace, id)
    const { verdict, reason, state } = rollout
    return {
      verdict,
      healthy: verdict !== 'roll_back',
      proven: verdict === 'promote',
      state,
      // Whoever carries it out knows the weight; here it is what each report says.
      weightPercent: 0,
      reason,
      nextLook: state === 'open' ? 'with each report' : null,
      nextLookAt: null,
      guardrails: owned ? guardrailsOf(owned.state).filter(({ name }) => name === 'errors') : [],
    }
  }
}

function viewOf(rollout: store.SeenExternal): EvidenceRolloutView {
  const { id, name, policy, state, verdict, reason, requests } = rollout
  return {
    id,
    name,
    policy,
    state,
    verdict,
    reason,
    requests,
    createdAt: rollout.createdAt.toISOString(),
    endedAt: rollout.endedAt?.toISOString() ?? null,
  }
}

function numbersOf({ requests, answered, callersAtStage }: EvidenceState) {
  const { champion, candidate } = answered
  return {
    requests,
    callersAtStage,
    'champion.requests': champion.requests,
    'champion.errors': champion.errors,
    'candidate.requests': candidate.requests,
    'candidate.errors': candidate.errors,
  }
}
