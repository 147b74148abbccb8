import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endpoint, variant } from '../fixtures.ts'
import { isLeased, route } from './decide.ts'
import { positionOf, positionPercent } from './position.ts'

const ROLLOUT = '00000000-0000-7000-8000-000000000001'
const canary = (weightPercent: number) =>
  endpoint('films', {
    kind: 'canary',
    rollout: ROLLOUT,
    stage: 1,
    candidate: variant('candidate', 'films/2'),
    weightPercent,
    salt: 'salt',
  })
const normal = { leased: true, candidateLoaded: true }
const callers = Array.from({ length: 20_000 }, (_, n) => `caller-${n}`)
const candidates = (weightPercent: number) =>
  new Set(
    callers.filter((caller) => {
      const spec = canary(weightPercent)
      const choice = route(spec, positionOf(spec.routing, caller), normal)
      return choice.kind === 'rollout' && choice.arm === 'candidate'
    }),
  )

test('a position is stable over releases', () => {
  assert.equal(positionPercent('salt', 'caller-1').toFixed(6), '73.612049')
})

test('callers are shared out by the weight', () => {
  for (const weight of [1, 10, 50, 90]) {
    const share = (candidates(weight).size / callers.length) * 100
    // Five standard errors of a binomial share of 20,000.
    const tolerance = 5 * Math.sqrt((weight * (100 - weight)) / callers.length)
    assert.ok(Math.abs(share - weight) < tolerance, `${share} % for a weight of ${weight} %`)
  }
  assert.equal(candidates(0).size, 0)
  assert.equal(candidates(100).size, callers.length)
})

test('a higher weight moves callers to the candidate only, a lower one back only', () => {
  const ten = candidates(10)
  const fifty = candidates(50)
  assert.ok([...ten].every((caller) => fifty.has(caller)))
})

test('another salt shares out anew, so that no caller is the canary of every rollout', () => {
  const both = callers.filter(
    (caller) => positionPercent('salt', caller) < 10 && positionPercent('pepper', caller) < 10,
  )
  assert.ok(both.length < callers.length * 0.02, `${both.length}`)
})

test('the weight in force is part of the choice', () => {
  assert.deepEqual(route(canary(100), 99.9, normal), {
    kind: 'rollout',
    arm: 'candidate',
    rollout: ROLLOUT,
    stage: 1,
    weightPercent: 100,
  })
})

test('in shadow the champion answers everybody', () => {
  const shadow = endpoint('films', {
    kind: 'shadow',
    rollout: ROLLOUT,
    stage: 0,
    candidate: variant('candidate', 'films/2'),
  })
  const choice = route(shadow, 0, normal)
  assert.deepEqual(choice, { kind: 'rollout', arm: 'champion', rollout: ROLLOUT, stage: 0, weightPercent: 0 })
})

for (const [name, now] of [
  ['without a lease', { leased: false, candidateLoaded: true }],
  ['without a loaded candidate', { leased: true, candidateLoaded: false }],
] as const) {
  test(`${name} the champion answers alone`, () => {
    assert.deepEqual(route(canary(100), 99.9, now), { kind: 'champion' })
  })
}

test('a lease runs out after its seconds of silence, and there is none before the first word', () => {
  assert.equal(isLeased(1000, 16_000, 15), true)
  assert.equal(isLeased(1000, 16_001, 15), false)
  assert.equal(isLeased(null, 0, 15), false)
})
