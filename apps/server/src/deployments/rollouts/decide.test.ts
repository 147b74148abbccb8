import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Guardrail, RolloutPolicy } from '@tidemark/contracts'
import { decide as decideOn } from './decide.ts'
import type { Decision, LiveState, RolloutEvidence } from './types.ts'

function decide(
  policy: RolloutPolicy,
  state: LiveState,
  evidence: RolloutEvidence,
  waived: boolean,
  paused: string | null = null,
) {
  return decideOn({ policy, state, evidence, waived, paused })
}

const policy = RolloutPolicy.parse({
  shadow: { minEntities: 20 },
  canary: [
    { weightPercent: 10, minCallers: 100 },
    { weightPercent: 50, minCallers: 200 },
  ],
  maxDays: 365,
})
const DAY = 86_400_000
const shadow: LiveState = { kind: 'shadow' }
const firstStep: LiveState = { kind: 'canary', step: 0, weightPercent: 10 }
const lastStep: LiveState = { kind: 'canary', step: 1, weightPercent: 50 }

function guardrail(name: Guardrail['name'], fields: Partial<Guardrail> = {}): Guardrail {
  return {
    name,
    unit: 'unit',
    units: 50,
    champion: 0.01,
    candidate: 0.01,
    difference: 0,
    lower: null,
    upper: null,
    margin: 0.02,
    harmEValue: 1,
    harmNeeds: 60,
    acceptanceEValue: 1,
    acceptanceNeeds: 40,
    proven: false,
    ...fields,
  }
}

function evidence(fields: Partial<RolloutEvidence> = {}): RolloutEvidence {
  const eventTimeFrom = fields.eventTimeFrom === undefined ? 0 : fields.eventTimeFrom
  const eventTimeTo = fields.eventTimeTo === undefined ? 10 * DAY : fields.eventTimeTo
  return {
    eventTimeFrom,
    eventTimeTo,
    now: eventTimeTo,
    limitsFrom: eventTimeFrom,
    stageFrom: eventTimeFrom,
    requestsAtStage: 400,
    labelledAtStage: 10,
    exposedRequests: 100,
    exposedCallers: 20,
    contenders: [],
    confirmed: true,
    requests: 500,
    pairs: 30,
    labelledPairs: 20,
    callersAtStage: 50,
    guardrails: [guardrail('errors'), guardrail('failures'), guardrail('loss')],
    loadFailure: null,
    ...fields,
  }
}
const harmful = (name: Guardrail['name']) =>
  evidence({
    guardrails: ['errors', 'failures', 'loss'].map((each) =>
      guardrail(each as Guardrail['name'], { harmEValue: each === name ? 75 : 0.5 }),
    ),
  })
const proven = (...names: Guardrail['name'][]) =>
  evidence({
    guardrails: (['errors', 'failures', 'loss'] as const).map((name) =>
      guardrail(name, { proven: names.includes(name) }),
    ),
  })

const nothing = evidence({ eventTimeFrom: null, eventTimeTo: null, requests: 0, pairs: 0, callersAtStage: 0 })
const old = (pairs: number) => evidence({ eventTimeTo: 366 * DAY, pairs })

const table: [string, LiveState, RolloutEvidence, Partial<Decision>][] = [
  ['a shadow without traffic is held', shadow, nothing, { kind: 'hold' }],
  ['a shadow with 19 of 20 things is held', shadow, evidence({ pairs: 19 }), { kind: 'hold' }],
  [
    'a shadow with 20 things moves on',
    shadow,
    evidence({ pairs: 20 }),
    { kind: 'shift', to: { kind: 'canary', step: 0, weightPercent: 10 } },
  ],
  [
    'a shadow is not promoted, whatever is proven',
    shadow,
    proven('failures', 'loss'),
    { kind: 'shift', to: firstStep },
  ],
  ['a shadow that fails more is rolled back', shadow, harmful('failures'), { kind: 'roll_back', guardrail: 'errors' }],
  ['a canary without traffic is held, not promoted', firstStep, nothing, { kind: 'hold' }],
  ['a canary short of callers is held', firstStep, evidence({ callersAtStage: 99 }), { kind: 'hold' }],
  [
    'a canary with its callers gets the next weight',
    firstStep,
    evidence({ callersAtStage: 100 }),
    { kind: 'shift', to: { kind: 'canary', step: 1, weightPercent: 50 } },
  ],
  ['a first step is not promoted, whatever is proven', firstStep, proven('errors', 'loss'), { kind: 'hold' }],
  ['harm wins over the next step', firstStep, harmful('errors'), { kind: 'roll_back', guardrail: 'errors' }],
  ['harm in the loss names the loss', lastStep, harmful('loss'), { kind: 'roll_back', guardrail: 'loss' }],
  ['the last step without proof is held', lastStep, evidence(), { kind: 'hold' }],
  ['errors alone do not promote', lastStep, proven('errors', 'failures'), { kind: 'hold' }],
  ['loss alone does not promote', lastStep, proven('loss'), { kind: 'hold' }],
  [
    'errors of callers and loss promote',
    lastStep,
    proven('errors', 'loss'),
    { kind: 'promote', proof: 'non-inferiority proven' },
  ],
  [
    'failures of things and loss promote',
    lastStep,
    proven('failures', 'loss'),
    { kind: 'promote', proof: 'non-inferiority proven' },
  ],
  [
    'time without proof promotes by the policy',
    lastStep,
    old(30),
    { kind: 'promote', proof: 'promoted without proof' },
  ],
  ['time that passed in shadow promotes nothing', shadow, old(5), { kind: 'roll_back', guardrail: 'time' }],
  [
    'a version that a gateway could not load is rolled back at once',
    shadow,
    evidence({ loadFailure: 'no such file' }),
    { kind: 'roll_back', guardrail: 'errors' },
  ],
]
for (const [name, state, given, expected] of table) {
  test(name, () => {
    const decision = decide(policy, state, given, false)
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(decision[key as keyof Decision], value, key)
  })
}

test('a policy that rolls back at the time limit does so', () => {
  const strict = RolloutPolicy.parse({ ...policy, onTimeLimit: 'roll_back' })
  assert.deepEqual(decide(strict, lastStep, old(30), false).kind, 'roll_back')
})

test('a version let in by a waiver is promoted by proof, never by the passing of time', () => {
  const atLimit = decide(policy, lastStep, old(30), true)
  assert.equal(atLimit.kind, 'roll_back')
  assert.match(atLimit.reason, /365 days .* waived, so only proof promotes it/)
  assert.equal(decide(policy, lastStep, proven('errors', 'loss'), true).kind, 'promote')
  assert.deepEqual(decide(policy, lastStep, evidence(), true), decide(policy, lastStep, evidence(), false))
})

test('every hold says what it waits for', () => {
  for (const [, state, given] of table) {
    const decision = decide(policy, state, given, false)
    if (decision.kind === 'hold' || decision.kind === 'shift') assert.match(decision.nextLook, /at|with/)
  }
})
