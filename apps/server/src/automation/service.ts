import {
  approvalRefused,
  type EventRecord,
  evaluationBroken,
  gatesFailed,
  performanceLost,
  pipelineFailed,
  pipelineSucceeded,
  type RetrainingDecision,
  type RetrainingOutcome,
  retrainingDecided,
  retrainingDeclined,
  retrainingNotStarted,
  rolloutPromoted,
  rolloutRolledBack,
  uuidv7,
} from '@tidemark/contracts'
import { type Actor, causesOf, inTransaction, type Platform } from '../platform/index.ts'
import { decideRetraining, realisedRecovery, recoveryBelief } from './decide.ts'
import * as store from './store.ts'
import type { AutomationPorts } from './types.ts'

/** Wall time after which a retraining that told nothing more is taken as given up, as when a person never answered its approval. */
const ABANDONED_AFTER_MILLISECONDS = 7 * 86_400_000

/** Decides whether lost performance is answered by a retraining, and learns from what retrainings brought. */
export class Automation {
  private readonly platform: Platform
  private readonly ports: AutomationPorts

  constructor(platform: Platform, ports: AutomationPorts) {
    this.platform = platform
    this.ports = ports
  }

  /** Reaction to lost performance: one decision for each report, with all its numbers. */
  async consider(actor: Actor, event: EventRecord): Promise<void> {
    actor.require('automation.write')
    const lost = performanceLost.payload.parse(event.payload)
    const { db, clock, events } = this.platform
    const { workspace } = actor
    const { endpoint } = lost
    await inTransaction(db, async (tx) => {
      await store.lockDecisions(tx, workspace, endpoint)
      const facts = await this.ports.endpoint(tx, workspace, endpoint)
      // A report on a version that is champion no more asks for nothing.
      if (!facts || facts.championVersion !== lost.version) return
      const past = await store.listDecisions(tx, workspace, endpoint)
      const trainings = past.filter((decision) => decision.verdict === 'retrain')
      const now = (await this.ports.monitoring.eventTime(tx, workspace, endpoint)) ?? clock.now()
      const increase = lost.lossNow - lost.lossBefore
      const verdict = decideRetraining({
        now,
        policy: facts.policy,
        rise: {
          estimate: increase,
          lower: numberOr(lost.evidence.increaseLower, increase),
          upper: numberOr(lost.evidence.increaseUpper, increase),
        },
        recovery: recoveryBelief(facts.policy?.expectedRecovery ?? 0, recoveriesOf(trainings)),
        thingsPerDay: (await this.ports.monitoring.thingsPerDay(tx, workspace, endpoint)) ?? 0,
        openFaults: await this.ports.monitoring.openFaults(tx, workspace, endpoint),
        rolloutOpen: await this.ports.openRollout(tx, workspace, endpoint),
        trainingOpen: trainings.some((decision) => isOpen(decision, clock.now())),
        trainings: trainings.length,
        lastTrainingAt: trainings[0] ? new Date(trainings[0].at) : null,
      })
      const id = uuidv7()
      const stored = await store.insertDecision(tx, workspace, {
        id,
        endpoint,
        version: lost.version,
        verdict: verdict.verdict,
        reason: verdict.reason,
        sentence: verdict.sentence,
        numbers: verdict.numbers,
        at: now.toISOString(),
        asOf: verdict.asOf?.toISOString() ?? null,
        recordedAt: clock.now().toISOString(),
        cause: event.id,
      })
      if (!stored) return
      const evidence = { ...verdict.numbers, reason: verdict.reason }
      const payload = {
        decision: id,
        endpoint,
        pipeline: facts.policy?.pipeline ?? 'none',
        summary: verdict.sentence,
        evidence,
      }
      const appended = verdict.asOf
        ? await events.append(
            tx,
            actor,
            retrainingDecided,
            { ...payload, asOf: verdict.asOf.toISOString(), parameters: facts.policy?.parameters ?? {} },
            now,
          )
        : await events.append(tx, actor, retrainingDeclined, payload, now)
      await store.setDecisionEvent(tx, workspace, id, appended)
    })
  }

  /**
   * Reaction to whatever a retraining led to. The decision is the one among the event's causes: what a person started or waived teaches
   * nothing about retraining.
   */
  async learn(actor: Actor, event: EventRecord): Promise<void> {
    actor.require('automation.write')
    const { db } = this.platform
    const { workspace } = actor
    const chain = await causesOf(db, workspace, event.id)
    const decided = chain.find((cause) => cause.type === retrainingDecided.type)
    if (!decided) return
    const { decision: id, endpoint } = retrainingDecided.payload.parse(decided.payload)
    const decision = await store.decisionById(db, workspace, id)
    if (!decision || decision.outcome) return
    const outcome = await this.outcomeOf(workspace, decision, event)
    if (!outcome) return
    await inTransaction(db, async (tx) => {
      await store.lockDecisions(tx, workspace, endpoint)
      await store.saveOutcome(tx, workspace, id, outcome)
    })
    if (outcome.kind !== 'promoted') await this.ports.monitoring.rearm(actor, endpoint)
    this.platform.live.changed('decisions', endpoint)
  }

  /** Reaction to a declined retraining: the loss of performance may be reported again, by monitoring's rule. */
  async declined(actor: Actor, event: EventRecord): Promise<void> {
    const { endpoint } = retrainingDeclined.payload.parse(event.payload)
    await this.ports.monitoring.rearm(actor, endpoint)
  }

  private async outcomeOf(
    workspace: string,
    decision: RetrainingDecision,
    event: EventRecord,
  ): Promise<RetrainingOutcome | null> {
    const base = { event: event.id, at: event.occurredAt, sentence: event.sentence }
    switch (event.type) {
      case gatesFailed.type:
        return { ...base, kind: 'refused', recovery: 0 }
      case rolloutRolledBack.type:
        return { ...base, kind: 'rolled_back', recovery: 0 }
      case approvalRefused.type:
        // A person's reasons need not be the model's.
        return { ...base, kind: 'refused', recovery: null }
      case pipelineFailed.type:
      case retrainingNotStarted.type:
      case evaluationBroken.type:
        return { ...base, kind: 'failed', recovery: null }
      case pipelineSucceeded.type: {
        const { modelVersion } = pipelineSucceeded.payload.parse(event.payload)
        return modelVersion === null
          ? { ...base, kind: 'failed', recovery: null, sentence: `${event.sentence}; it made no model version` }
          : null
      }
      case rolloutPromoted.type: {
        const { version, championVersion, endpoint } = rolloutPromoted.payload.parse(event.payload)
        const { monitoring } = this.ports
        const pairs = await monitoring.pairedLosses(this.platform.db, workspace, endpoint, championVersion, version)
        const recovery = realisedRecovery(pairs, numberOr(decision.numbers.lossIncrease, 0))
        return { ...base, kind: 'promoted', recovery }
      }
      default:
        return null
    }
  }
}

/** Shares won back, of the retrainings that taught one. */
export function recoveriesOf(trainings: readonly RetrainingDecision[]): number[] {
  return trainings.flatMap((decision) => decision.outcome?.recovery ?? [])
}

function isOpen(decision: RetrainingDecision, now: Date): boolean {
  return !decision.outcome && now.getTime() - Date.parse(decision.recordedAt) < ABANDONED_AFTER_MILLISECONDS
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
