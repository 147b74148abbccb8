/**
 * Which error margin a healthy rollout can prove within its time: no answer of either version fails, the declared visitors come to the films
 * released before 2000 (from a month drawn by chance on, the last following the first), and callers and things are counted as the platform
 * does. The margin is proven by callers, who were split between the versions, or by things, whose first request both versions answer.
 */
import type { RolloutPolicy } from '@tidemark/contracts'
import {
  addCaller,
  addDifference,
  close,
  closingRuleFor,
  dueClosings,
  type MeanTest,
  meanEvidence,
  type RateTest,
  rateEvidence,
  remainingClosings,
  seededUniform,
  withRequests,
} from '@tidemark/statistics'
import { SIMULATION } from '../../../apps/cli/src/demo/config.ts'
import { monthStart } from '../../../apps/cli/src/demo/films.ts'
import { type Visit, Visitors } from '../../../apps/cli/src/demo/visitors.ts'
import { guardrailsOf } from '../../../apps/server/src/deployments/evidence/guardrails.ts'
import { evidenceSettings, startEvidence } from '../../../apps/server/src/deployments/evidence/state.ts'
import type { CallerRow } from '../../../apps/server/src/deployments/evidence/types.ts'
import { openRow, wasTossed } from '../../../apps/server/src/deployments/evidence/units.ts'

const RUNS = 200
/** Answers after which the platform is taken to have read its log; it reads more often. */
const BATCH = 25

/** One margin's two tests, and what each needs. */
interface Proof {
  readonly percent: number
  readonly callersNeed: number
  readonly thingsNeed: number
  callers: RateTest
  things: MeanTest
}

/** The share of healthy rollouts that prove each margin (in percentage points) within `months`. */
export function errorPower(
  releaseDays: readonly string[],
  policy: RolloutPolicy,
  months: number,
  percents: readonly number[],
): { readonly percent: number; readonly proven: number }[] {
  const byMonth = monthsOf(releaseDays)
  const proven = new Map(percents.map((percent) => [percent, 0]))
  for (let run = 0; run < RUNS; run += 1) {
    for (const proof of rollout(byMonth, policy, months, percents, run)) {
      const callers = rateEvidence(proof.callers).highestEValue >= proof.callersNeed
      const things = meanEvidence(proof.things).highestEValue >= proof.thingsNeed
      if (callers || things) proven.set(proof.percent, (proven.get(proof.percent) ?? 0) + 1)
    }
  }
  return percents.map((percent) => ({ percent, proven: (proven.get(percent) ?? 0) / RUNS }))
}

function startProof(policy: RolloutPolicy, percent: number): Proof {
  const start = startEvidence(evidenceSettings({ ...policy, errorMarginPercent: percent }, null))
  const needs = new Map(guardrailsOf(start).map(({ name, acceptanceNeeds }) => [name, acceptanceNeeds]))
  return {
    percent,
    callersNeed: needs.get('errors') ?? Number.POSITIVE_INFINITY,
    thingsNeed: needs.get('failures') ?? Number.POSITIVE_INFINITY,
    callers: start.errors.acceptance,
    things: start.failures.acceptance,
  }
}

/** One rollout of `months`: shadow, then the policy's steps as soon as enough was seen; gives each margin's tests as they end. */
function rollout(
  byMonth: readonly Date[][],
  policy: RolloutPolicy,
  months: number,
  percents: readonly number[],
  run: number,
): Proof[] {
  const uniform = seededUniform(run + 1)
  const visitors = new Visitors(SIMULATION.seed + run, SIMULATION.visitsPerFilm)
  const proofs = percents.map((percent) => startProof(policy, percent))
  const first = Math.floor(uniform() * byMonth.length)
  const rows = new Map<string, CallerRow[]>()
  const buckets = new Map<string, number>()
  const seen = new Set<string>()
  let stage = 0
  let callersAtStage = 0
  let requests = 0

  const bet = (row: CallerRow, closings: ReturnType<typeof remainingClosings>): CallerRow => {
    const { caller, units } = close(row.open, closings)
    if (wasTossed(row))
      for (const unit of units) for (const proof of proofs) proof.callers = addCaller(proof.callers, unit)
    return { ...row, open: caller }
  }
  const closeDue = (due: (row: CallerRow) => ReturnType<typeof remainingClosings>): void => {
    for (const [caller, own] of rows)
      rows.set(
        caller,
        own.map((row) => bet(row, due(row))),
      )
  }
  const answer = ({ film, caller }: Visit): void => {
    requests += 1
    if (!seen.has(film.entity)) {
      seen.add(film.entity)
      for (const proof of proofs) proof.things = addDifference(proof.things, { difference: 0, bound: 1 })
    }
    if (stage === 0) return
    const weightPercent = policy.canary[stage - 1]?.weightPercent ?? 0
    const own = rows.get(caller) ?? []
    const bucket = buckets.get(caller) ?? uniform()
    buckets.set(caller, bucket)
    let row = own.find((each) => each.stage === stage)
    if (!row) {
      row = openRow(
        { caller, stage, candidate: bucket * 100 < weightPercent, weightPercent, timed: false },
        own,
        requests,
      )
      callersAtStage += 1
    }
    const counted = { ...row, open: withRequests(row.open, 0, 1, 0) }
    rows.set(caller, [...own.filter((each) => each.stage !== stage), counted])
  }
  const advance = (): void => {
    closeDue((row) =>
      row.stage < stage ? remainingClosings(row.open) : dueClosings(row.open, requests, closingRuleFor(callersAtStage)),
    )
    const step = policy.canary[stage - 1]
    const enough = step ? callersAtStage >= step.minCallers : seen.size >= policy.shadow.minEntities
    if (!enough || stage === policy.canary.length) return
    stage += 1
    callersAtStage = 0
  }

  for (let month = 0; month < months; month += 1) {
    const visits = visitsIn(byMonth, (first + month) % byMonth.length, month, visitors)
    visits.forEach((visit, index) => {
      answer(visit)
      if (index % BATCH === BATCH - 1) advance()
    })
    advance()
  }
  return proofs
}

/** The visits to a month's films, in order. Films that come round again are other films. */
function visitsIn(byMonth: readonly Date[][], place: number, month: number, visitors: Visitors): Visit[] {
  const days = byMonth[place] ?? []
  return days
    .flatMap((released, index) => {
      const film = { entity: `${month}-${index}`, released, rating: null, row: {} }
      return visitors.visitsOf(film, monthStart(released.getUTCFullYear(), released.getUTCMonth() + 1))
    })
    .sort((a, b) => a.at.getTime() - b.at.getTime())
}

function monthsOf(releaseDays: readonly string[]): Date[][] {
  const groups = Map.groupBy(releaseDays, (day) => day.slice(0, 7))
  return [...groups.keys()].sort().map((month) => (groups.get(month) ?? []).map((day) => new Date(day)))
}
