import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AutomationPolicy } from '@tidemark/contracts'
import { decideRetraining, realisedRecovery, recoveryBelief, type Situation } from './decide.ts'

const policy = AutomationPolicy.parse({
  pipeline: 'films',
  costPerTraining: 100,
  costPerLossUnit: 10,
  horizonDays: 365,
})
const situation: Situation = {
  now: new Date('2003-08-17T10:00:00Z'),
  policy,
  rise: { estimate: 0.2, lower: 0.1, upper: 0.3 },
  recovery: recoveryBelief(0.5, []),
  thingsPerDay: 0.5,
  openFaults: [],
  rolloutOpen: false,
  trainingOpen: false,
  trainings: 0,
  lastTrainingAt: null,
}

test('it pays when rise × recovery × things × cost of a unit exceeds the cost of a training', () => {
  const decided = decideRetraining(situation)
  // 0.2 × 0.5 × 0.5 × 365 × 10 = 182.5 against 100.
  assert.deepEqual([decided.verdict, decided.reason, decided.numbers.expectedGain], ['retrain', 'pays', 182.5])
  assert.equal(decided.asOf?.toISOString(), '2003-08-01T00:00:00.000Z')
  assert.match(decided.sentence, /= 183, more than the cost of 100/)
})

const declined: { name: string; reason: string; change: Partial<Situation> }[] = [
  { name: 'no policy', reason: 'no_policy', change: { policy: null } },
  { name: 'a faulty input, though it would pay', reason: 'input_fault', change: { openFaults: ['budget'] } },
  {
    name: 'a faulty input before any other guard',
    reason: 'input_fault',
    change: { openFaults: ['x'], rolloutOpen: true, trainings: 9 },
  },
  { name: 'a rollout under way', reason: 'rollout_open', change: { rolloutOpen: true } },
  { name: 'a training under way', reason: 'training_open', change: { trainingOpen: true } },
  { name: 'all trainings used', reason: 'limit_reached', change: { trainings: 3 } },
  {
    name: 'a training 179 days ago',
    reason: 'too_soon',
    change: { trainings: 1, lastTrainingAt: new Date('2003-02-19T10:00:00Z') },
  },
  {
    name: 'a rise that may be none',
    reason: 'gain_uncertain',
    change: { rise: { estimate: 0.2, lower: -0.01, upper: 0.4 } },
  },
  {
    name: 'a rise too small to pay',
    reason: 'does_not_pay',
    change: { rise: { estimate: 0.1, lower: 0.05, upper: 0.15 } },
  },
  {
    name: 'retrainings that won nothing back',
    reason: 'does_not_pay',
    change: { recovery: recoveryBelief(0.5, [0, 0]) },
  },
  { name: 'hardly any things', reason: 'does_not_pay', change: { thingsPerDay: 0.01 } },
]
for (const { name, reason, change } of declined) {
  test(`declined: ${name}`, () => {
    const decided = decideRetraining({ ...situation, ...change })
    assert.deepEqual([decided.verdict, decided.reason, decided.asOf], ['decline', reason, null])
    assert.ok(decided.sentence.length > 20)
  })
}

test('a training 180 days ago is far enough', () => {
  const decided = decideRetraining({ ...situation, trainings: 1, lastTrainingAt: new Date('2003-02-18T10:00:00Z') })
  assert.equal(decided.verdict, 'retrain')
})

test('the belief in recovery begins at the policy and moves with what was won back', () => {
  assert.equal(recoveryBelief(0.5, []).mean, 0.5)
  assert.equal(recoveryBelief(0.5, [0]).mean, 1 / 3)
  assert.equal(recoveryBelief(0.5, [1]).mean, 2 / 3)
  assert.equal(recoveryBelief(0.8, [0.5, 0.5, 0.5, 0.5]).mean, (1.6 + 2) / 6)
  assert.equal(recoveryBelief(0.5, [0.2]).outcomes, 1)
})

test('what was won back is measured on things that both versions predicted, and not from a handful', () => {
  assert.equal(realisedRecovery({ n: 20, first: 1.1, second: 1 }, 0.2), 0.5000000000000004)
  assert.equal(realisedRecovery({ n: 20, first: 1, second: 1.3 }, 0.2), 0)
  assert.equal(realisedRecovery({ n: 20, first: 2, second: 1 }, 0.2), 1)
  assert.equal(realisedRecovery({ n: 4, first: 2, second: 1 }, 0.2), null)
})
