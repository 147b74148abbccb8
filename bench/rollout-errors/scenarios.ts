/** Which canaries are simulated, how often, and what each is to show. */
import { REQUESTS, type Scenario } from './canary.ts'

export interface Experiment {
  scenario: Scenario
  runs: number
  shows: 'false rollbacks' | 'power' | 'false promotions' | 'promotions'
  /** Least share (0–1) of runs that must find the planted regression: the simulated figures of an untuned construction. */
  leastPower?: number
}

/** All tests of a rollout share 5 %: three parts for errors, one for the loss. Promotion is a claim of its own. */
export const ALPHA = 0.05
export const GUARDRAIL_WEIGHTS = { errors: 3, loss: 1 } as const

/** The acceptable ratio of error rates of which promotion needs proof. */
const ACCEPTABLE_RATIO = 2

const RAMP = [
  { from: 0, weight: 0.05 },
  { from: REQUESTS / 3, weight: 0.2 },
  { from: (2 * REQUESTS) / 3, weight: 0.5 },
]

function scenario(
  name: string,
  share: number | 'ramp',
  change: { base: number; ratio: number },
  lookEvery = 100,
): Scenario {
  return {
    name,
    baseRate: change.base,
    ratio: change.ratio,
    weights: share === 'ramp' ? RAMP : [{ from: 0, weight: share }],
    acceptableRatio: ACCEPTABLE_RATIO,
    lookEvery,
  }
}

/** The experiments; `quick` keeps them all and makes each small enough for every test run. */
export function experiments(quick: boolean): Experiment[] {
  const healthy = { base: 0.02, ratio: 1 }
  const many = quick ? 150 : 10_000
  const some = quick ? 50 : 1_000
  const power = (
    name: string,
    share: number | 'ramp',
    base: number,
    ratio: number,
    leastPower?: number,
  ): Experiment => ({
    scenario: scenario(name, share, { base, ratio }),
    runs: some,
    shows: 'power',
    ...(leastPower === undefined ? {} : { leastPower }),
  })
  return [
    { scenario: scenario('5 → 20 → 50 % share', 'ramp', healthy), runs: many, shows: 'false rollbacks' },
    {
      scenario: scenario('5 → 20 → 50 %, each request a look', 'ramp', healthy, 1),
      runs: some,
      shows: 'false rollbacks',
    },
    { scenario: scenario('5 % share', 0.05, healthy), runs: many, shows: 'false rollbacks' },
    { scenario: scenario('20 % share', 0.2, healthy), runs: many, shows: 'false rollbacks' },
    { scenario: scenario('50 % share', 0.5, healthy), runs: many, shows: 'false rollbacks' },
    power('2 → 4 % errors, 5 % share', 0.05, 0.02, 2, 0.5),
    power('2 → 4 % errors, 20 % share', 0.2, 0.02, 2, 0.93),
    power('2 → 4 % errors, 50 % share', 0.5, 0.02, 2, 0.995),
    power('2 → 4 % errors, 5 → 20 → 50 %', 'ramp', 0.02, 2),
    power('2 → 3 % errors, 20 % share', 0.2, 0.02, 1.5),
    power('2 → 3 % errors, 50 % share', 0.5, 0.02, 1.5),
    power('0.1 → 1 % errors, 5 % share', 0.05, 0.001, 10),
    power('0.1 → 1 % errors, 20 % share', 0.2, 0.001, 10),
    {
      scenario: scenario('twice the errors, 50 % share', 0.5, { base: 0.02, ratio: 2 }),
      runs: some,
      shows: 'false promotions',
    },
    {
      scenario: scenario('twice the errors, ramp', 'ramp', { base: 0.02, ratio: 2 }),
      runs: some,
      shows: 'false promotions',
    },
    {
      scenario: scenario('2.5 times the errors, 5 % share', 0.05, { base: 0.02, ratio: 2.5 }),
      runs: some,
      shows: 'false promotions',
    },
    { scenario: scenario('equal, 50 % share', 0.5, healthy), runs: some, shows: 'promotions' },
  ]
}
