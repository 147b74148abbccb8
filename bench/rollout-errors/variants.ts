/** One simulated A/B test of three variants beside the champion. */
import {
  addCaller,
  closingRuleFor,
  expectTraffic,
  familywiseLevel,
  rateEvidence,
  seededUniform,
  shareAgainstChampion,
  startRateTest,
  withTraffic,
} from '@tidemark/statistics'
import { ALPHA, type Outcome } from './canary.ts'
import { Ledger } from './ledger.ts'
import { EProcess, Threshold, ZTest } from './peers.ts'
import { drawPopulation } from './population.ts'

const CALLERS = 2_000
const WINDOW_REQUESTS = 200

/** Shares of callers; the champion has the rest. */
const WEIGHTS = { blue: 0.2, green: 0.2, red: 0.2 } as const
type Variant = keyof typeof WEIGHTS
const NAMES = Object.keys(WEIGHTS) as Variant[]

export interface VariantPlan {
  strategy: 'ab'
  requests: number
  baseRate: number
  /** Errors of the variant `green` ÷ the champion's; the others are as the champion. */
  ratio: number
  lookEvery: number
}

/** Runs one A/B test; `rollback`: any variant is accused. The same plan and seed always give the same outcome. */
export function simulateVariants(plan: VariantPlan, seed: number): Outcome {
  const { requests, baseRate, ratio, lookEvery } = plan
  const uniform = seededUniform(seed)
  const population = drawPopulation(uniform, CALLERS, baseRate)
  const assigned = Array.from(population.bucket, variantAt)
  const tests = new Map(NAMES.map((name) => [name, startRateTest({ kind: 'harm' }, baseRate)]))
  let traffic = expectTraffic(baseRate)
  const ledger = new Ledger(CALLERS, false, (unit, caller) => {
    const variant = assigned[caller] ?? null
    // The champion's callers are in every comparison, a variant's in its own.
    for (const [name, test] of tests) {
      if (variant !== null && variant !== name) continue
      const toss = { rho: shareAgainstChampion(WEIGHTS, name), assignedCandidate: variant === name }
      tests.set(name, addCaller(test, { ...unit, ...toss }))
    }
  })
  const peers = NAMES.map((name) => ({
    name,
    eProcess: new EProcess(ALPHA),
    zTest: new ZTest(ALPHA),
    threshold: new Threshold(),
  }))
  const first: Outcome['first'] = { rollback: null, harmless: null, eProcess: null, zTest: null, threshold: null }
  const note = (who: string, says: boolean, request: number): void => {
    if (says && first[who] === null) first[who] = request
  }

  for (let request = 1; request <= requests; request += 1) {
    const caller = population.nextCaller()
    const variant = assigned[caller] ?? null
    const doubling = 1 + Math.min(1, Math.max(0, (request - 0.3 * requests) / (0.4 * requests)))
    const own = (population.ownRate[caller] ?? 0) * doubling * (variant === 'green' ? ratio : 1)
    const error = uniform() < own ? 1 : 0
    // The toss is among four: ρ of each pair is the variants' own matter.
    if (!ledger.has(caller)) ledger.open(caller, variant !== null, 0.5, request)
    const rule = closingRuleFor(ledger.seen)
    ledger.count(caller, error, traffic.errors / traffic.requests, request, rule)
    ledger.age(request, rule)
    traffic = withTraffic(traffic, error, 1)
    for (const { name, eProcess, zTest, threshold } of peers) {
      if (variant !== null && variant !== name) continue
      const onVariant = variant === name
      if (error === 1) eProcess.addError(onVariant, 1 / 3)
      zTest.add(onVariant, error)
      threshold.add(onVariant, error)
    }
    if (request % WINDOW_REQUESTS === 0) for (const { threshold } of peers) threshold.measure()
    if (request % lookEvery !== 0) continue

    const judged = [...tests].map(([name, test]) => ({ name, pValue: rateEvidence(test).pValue }))
    const level = familywiseLevel(
      ALPHA,
      judged.map(({ pValue }) => pValue),
    )
    const accused = judged.filter(({ pValue }) => pValue <= level)
    note('rollback', accused.length > 0, request)
    note(
      'harmless',
      accused.some(({ name }) => name !== 'green'),
      request,
    )
    note(
      'eProcess',
      peers.some(({ eProcess }) => eProcess.rejects),
      request,
    )
    note(
      'zTest',
      peers.some(({ zTest }) => zTest.rejects()),
      request,
    )
    note(
      'threshold',
      peers.some(({ threshold }) => threshold.rejects),
      request,
    )
  }
  return { first, fixedSample: [] }
}

/** The variant of a position on the ring (0–1); null: the champion. */
function variantAt(position: number): Variant | null {
  let end = 0
  for (const name of NAMES) {
    end += WEIGHTS[name]
    if (position < end) return name
  }
  return null
}
