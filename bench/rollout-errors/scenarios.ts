/** Which rollouts are simulated, how often, and what each is to show. */
import { type CanaryPlan, type Outcome, PLAN, REQUESTS, simulateCanary } from './canary.ts'
import { SHADOW, type ShadowPlan, simulateShadow } from './shadow.ts'
import { simulateVariants, type VariantPlan } from './variants.ts'

type Plan = CanaryPlan | ShadowPlan | VariantPlan

export interface Experiment {
  name: string
  plan: Plan
  runs: number
  shows: Shows
}

/** Shares are 0–1, requests are means over the runs that found it. */
export type Shows =
  /** Healthy: rolled back in at most α of runs. */
  | { kind: 'false rollbacks' }
  /** Harmful: found by `by`, with the goals that were set. `margin`: of a fixed-sample test's requests to 90 % power. */
  | { kind: 'power'; by: string; least?: number; mostRequests?: number; margin?: number }
  /** Worse than the margin: proven acceptable by `by` in at most α of runs. */
  | { kind: 'false promotions'; by: string; asCome?: string }
  | { kind: 'promotions'; by: string }

/** Runs one experiment's rollout of that seed. */
export function simulate(plan: Plan, seed: number): Outcome {
  switch (plan.strategy) {
    case 'canary':
      return simulateCanary(plan, seed)
    case 'shadow':
      return simulateShadow(plan, seed)
    case 'ab':
      return simulateVariants(plan, seed)
  }
}

const RAMP = [
  { from: 0, weight: 0.05 },
  { from: REQUESTS / 3, weight: 0.2 },
  { from: (2 * REQUESTS) / 3, weight: 0.5 },
]
const at = (weight: number) => [{ from: 0, weight }]
/** A switch after 5,000 requests, with a tenth of callers held back on the old version; the base rate doubles with it. */
const SWITCH: Partial<CanaryPlan> = {
  requests: 25_000,
  weights: [
    { from: 0, weight: 0 },
    { from: 5_000, weight: 0.9 },
  ],
  comparedWith: 'before',
}
const ALL = { errors: 2, latency: 1, loss: 1 } as const
const INDEPENDENT: Partial<CanaryPlan> = { callers: 'independent', base: 'constant' }
/** What a share of 5 % takes to be found in nine cases of ten. */
const LONG: Partial<CanaryPlan> = { ratio: 2, weights: at(0.05), requests: 120_000, lookEvery: 500, fixedSample: true }
const VARIANTS: VariantPlan = { strategy: 'ab', requests: REQUESTS, baseRate: 0.02, ratio: 1, lookEvery: 100 }
/** 20 requests an hour from 200 callers, more errors by day than by night; a window is an hour. */
const LOW_TRAFFIC: Partial<CanaryPlan> = { callers: 200, base: 'daily', windowRequests: 20 }

/** The experiments; `quick` keeps them all and makes each small enough for every test run. */
export function experiments(quick: boolean): Experiment[] {
  const many = quick ? 60 : 10_000
  const others = quick ? 40 : 2_000
  const some = quick ? 30 : 1_000
  const canary = (name: string, runs: number, shows: Shows, change: Partial<CanaryPlan>): Experiment => ({
    name,
    plan: { ...PLAN, ...change },
    runs,
    shows,
  })
  const healthy = (name: string, change: Partial<CanaryPlan>, runs = many): Experiment =>
    canary(name, runs, { kind: 'false rollbacks' }, change)
  const power = (
    name: string,
    change: Partial<CanaryPlan>,
    goals: Partial<Shows & { kind: 'power' }> = {},
  ): Experiment => canary(name, some, { kind: 'power', by: 'errorsAlone', ...goals }, change)
  const shadow = (name: string, runs: number, shows: Shows, change: Partial<ShadowPlan> = {}): Experiment => ({
    name,
    plan: { ...SHADOW, ...change },
    runs,
    shows,
  })
  const worse = { kind: 'false promotions', by: 'promoted' } as const
  return [
    healthy('independent requests, 20 %', INDEPENDENT),
    healthy('sticky callers, 5 %', { weights: at(0.05) }),
    healthy('sticky callers, 20 %', {}),
    healthy('sticky callers, 50 %', { weights: at(0.5) }),
    healthy('base rate ×1, 1.5, 2 with weights of 5, 20, 50 %; errors, latency, loss', {
      weights: RAMP,
      base: 'withWeights',
      guardrails: ALL,
    }),
    healthy('labels up to 30 days late, worst first, 5 → 20 → 50 %; loss', {
      weights: RAMP,
      guardrails: { loss: 1 },
      worstLabelsFirst: true,
    }),
    healthy('20 requests an hour, 20 %', LOW_TRAFFIC),
    healthy('each request a look, 5 → 20 → 50 %', { weights: RAMP, lookEvery: 1 }, some),
    healthy('a fifth fewer errors, 5 → 20 → 50 %', { weights: RAMP, ratio: 0.8 }, some),
    shadow('shadow: failures, disagreement, loss', others, { kind: 'false rollbacks' }),
    healthy('blue-green with 10 % held back', SWITCH, others),
    { name: 'A/B of three variants at 20 % each', plan: VARIANTS, runs: others, shows: { kind: 'false rollbacks' } },

    power('independent, 2 → 4 % errors, 20 %', { ...INDEPENDENT, ratio: 2 }, { least: 0.99, mostRequests: 5_500 }),
    power('2 → 4 % errors, 5 %', { ratio: 2, weights: at(0.05) }, { least: 0.5 }),
    power('2 → 4 % errors, 5 %, 120,000 requests', LONG, { margin: 2.5 }),
    power('2 → 4 % errors, 20 %', { ratio: 2, fixedSample: true }, { least: 0.93, margin: 2.5 }),
    power('2 → 4 % errors, 50 %', { ratio: 2, weights: at(0.5), fixedSample: true }, { least: 0.995, margin: 2.5 }),
    power('2 → 4 % errors, 5 → 20 → 50 %', { ratio: 2, weights: RAMP }),
    power('2 → 3 % errors, 20 %', { ratio: 1.5 }),
    power('2 → 3 % errors, 50 %', { ratio: 1.5, weights: at(0.5) }),
    power('2 → 4 % errors, 20 %, 20 requests an hour', { ...LOW_TRAFFIC, ratio: 2 }),
    power(
      'independent, 0.1 → 1 % errors, 20 %',
      { ...INDEPENDENT, baseRate: 0.001, ratio: 10 },
      { mostRequests: 3_200 },
    ),
    power('0.1 → 1 % errors, 5 %', { baseRate: 0.001, ratio: 10, weights: at(0.05) }),
    power('0.1 → 1 % errors, 20 %', { baseRate: 0.001, ratio: 10 }),
    power('p99 latency +30 %, 20 %', { slowdown: 1.3, guardrails: { latency: 1 } }, { by: 'rollback' }),
    power(
      'p99 latency +30 %, 50 %',
      { slowdown: 1.3, guardrails: { latency: 1 }, weights: at(0.5) },
      { by: 'rollback' },
    ),
    power('crash on a category of 3 %, 20 %', { crashShare: 0.03 }),
    power('blue-green, 2 → 4 % errors, 10 % held back', { ...SWITCH, ratio: 2 }),
    {
      name: 'A/B, one of three 2 → 4 % errors',
      plan: { ...VARIANTS, ratio: 2 },
      runs: some,
      shows: { kind: 'power', by: 'rollback' },
    },
    shadow('shadow: crash on a category of 3 %', some, { kind: 'power', by: 'failures' }, { crashes: true }),
    shadow(
      'shadow: loss +5 % on 2,000 labelled pairs (in pairs)',
      some,
      { kind: 'power', by: 'lossPairs' },
      { lossRatio: 1.05, labelledThings: 2_000, requests: 40_000 },
    ),

    canary('twice the errors, 50 %', some, worse, { acceptableRatio: 2, ratio: 2, weights: at(0.5) }),
    canary('twice the errors, 5 → 20 → 50 %', some, worse, { acceptableRatio: 2, ratio: 2, weights: RAMP }),
    canary('2.5 times the errors, 5 %', some, worse, { acceptableRatio: 2, ratio: 2.5, weights: at(0.05) }),
    shadow(
      'shadow: 2.1 points more failures (margin 2)',
      some,
      { kind: 'false promotions', by: 'failuresAccepted' },
      { extraFailures: 0.0215 },
    ),
    shadow(
      'shadow: loss +12 % (margin 11 %)',
      some,
      { kind: 'false promotions', by: 'lossAccepted', asCome: 'lossAcceptedAsCome' },
      { lossRatio: 1.12 },
    ),
    canary(
      'equal, 50 %: proven within twice the errors',
      some,
      { kind: 'promotions', by: 'promoted' },
      { acceptableRatio: 2, weights: at(0.5) },
    ),
    shadow('shadow, equal: loss proven within 11 %', some, { kind: 'promotions', by: 'lossAccepted' }),
  ]
}
