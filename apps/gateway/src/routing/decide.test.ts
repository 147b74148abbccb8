import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exposure, RoutingRule } from '@tidemark/contracts'
import { endpoint, variant } from '../fixtures.ts'
import { isLeased, route } from './decide.ts'
import { Exposures } from './exposure.ts'
import { positionPercent } from './position.ts'
import type { Asked } from './rules.ts'

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
const normal = { position: positionPercent, leased: true, loaded: () => true, capped: () => 'open' as const }
const asked: Asked = { caller: null, header: () => undefined, cell: () => undefined }
const callers = Array.from({ length: 20_000 }, (_, n) => `caller-${n}`)
const candidates = (weightPercent: number) => {
  const spec = canary(weightPercent)
  return new Set(callers.filter((caller) => route(spec, caller, asked, normal).version === 'films/2'))
}

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
  assert.deepEqual(route(canary(100), 'anybody', asked, normal), {
    version: 'films/2',
    rollout: { id: ROLLOUT, stage: 1, arm: 'candidate', weightPercent: 100 },
  })
})

test('in shadow the champion answers everybody', () => {
  const shadow = endpoint('films', {
    kind: 'shadow',
    rollout: ROLLOUT,
    stage: 0,
    candidate: variant('candidate', 'films/2'),
  })
  assert.deepEqual(route(shadow, 'anybody', asked, normal), {
    version: null,
    rollout: { id: ROLLOUT, stage: 0, arm: 'champion', weightPercent: 0 },
  })
})

for (const [name, now] of [
  ['without a lease', { ...normal, leased: false }],
  ['without a loaded candidate', { ...normal, loaded: () => false }],
] as const) {
  test(`${name} the champion answers alone`, () => {
    assert.deepEqual(route(canary(100), 'anybody', asked, now), { version: null, rollout: null })
  })
}

test('a lease runs out after its seconds of silence, and there is none before the first word', () => {
  assert.equal(isLeased(1000, 16_000, 15), true)
  assert.equal(isLeased(1000, 16_001, 15), false)
  assert.equal(isLeased(null, 0, 15), false)
})

const half = candidates(50)
const split = (parts: { toPercent: number; version: string | null }[], more: object = {}) =>
  endpoint('films', {
    kind: 'split',
    rollout: ROLLOUT,
    stage: 2,
    variants: [variant('candidate', 'films/2'), variant('failing', 'films/3')],
    parts,
    salt: 'salt',
    ...more,
  })
const sharedOut = (spec: ReturnType<typeof endpoint>) =>
  callers.map((caller) => route(spec, caller, asked, normal).version)

test('several versions share callers out by their parts, and a version that is dropped moves its callers alone', () => {
  const before = sharedOut(
    split([
      { toPercent: 20, version: 'films/2' },
      { toPercent: 50, version: 'films/3' },
      { toPercent: 100, version: null },
    ]),
  )
  const after = sharedOut(
    split([
      { toPercent: 20, version: null },
      { toPercent: 50, version: 'films/3' },
      { toPercent: 100, version: null },
    ]),
  )
  const share = (version: string | null) => before.filter((each) => each === version).length / before.length
  assert.ok(Math.abs(share('films/2') - 0.2) < 0.02 && Math.abs(share('films/3') - 0.3) < 0.02)
  before.forEach((version, n) => {
    assert.equal(after[n], version === 'films/2' ? null : version)
  })
})

test('the record of several versions has the share of each, so that any pair of arms can be compared', () => {
  const spec = split([
    { toPercent: 20, version: 'films/2' },
    { toPercent: 50, version: 'films/3' },
    { toPercent: 100, version: null },
  ])
  assert.deepEqual(route(spec, 'anybody', asked, normal).rollout?.weights, { 'films/2': 20, 'films/3': 30 })
})

const ruled = (rules: RoutingRule[], weightPercent = 0) => {
  const spec = canary(weightPercent)
  return { ...spec, routing: { ...spec.routing, rules } } as ReturnType<typeof endpoint>
}
const asking = (change: Partial<Asked>): Asked => ({ ...asked, ...change })

for (const [name, when, fitting, other] of [
  ['a caller', { caller: { in: ['ann', 'ben'] } }, { caller: 'ben' }, { caller: 'cid' }],
  ['a prefix of callers', { caller: { prefix: 'test-' } }, { caller: 'test-1' }, { caller: 'a-test-' }],
  ['a header', { header: { name: 'x-plan', equals: 'beta' } }, { header: () => 'beta' }, {}],
  ['a column', { column: { name: 'budget', atLeast: 5, below: 9 } }, { cell: () => 5 }, { cell: () => 9 }],
  ['text where a number is meant', { column: { name: 'budget', atLeast: 5 } }, { cell: () => 5 }, { cell: () => '7' }],
] as [string, RoutingRule['when'], Partial<Asked>, Partial<Asked>][]) {
  test(`a rule about ${name} sends those whom it fits, as no evidence, and nobody else`, () => {
    const spec = ruled([{ name: 'r', when, send: 'candidate' }])
    const sent = route(spec, 'anybody', asking(fitting), normal)
    assert.deepEqual([sent.version, sent.rollout?.by], ['films/2', 'rule'])
    const rest = route(spec, 'anybody', asking(other), normal)
    assert.deepEqual([rest.version, rest.rollout?.by], [null, undefined])
  })
}

test('the first rule that fits wins, and one may keep callers out', () => {
  const keepOut: RoutingRule = { name: 'keep out', when: { caller: { equals: 'ann' } }, send: 'champion' }
  const all: RoutingRule = { name: 'staff', when: { header: { name: 'x-staff', equals: 'yes' } }, send: 'candidate' }
  const staff = asking({ caller: 'ann', header: () => 'yes' })
  assert.equal(route(ruled([keepOut, all], 100), 'ann', staff, normal).version, null)
  assert.equal(route(ruled([all, keepOut], 100), 'ann', staff, normal).version, 'films/2')
})

const capped = (exposure: Partial<Exposure>, weightPercent = 100) => {
  const spec = canary(weightPercent)
  const limits = { maxRequests: null, maxCallers: null, slice: null, ...exposure }
  return { ...spec, routing: { ...spec.routing, exposure: limits } } as ReturnType<typeof endpoint>
}

test('of a sensitive slice versions on trial get at most their share, and what is told of it is no evidence', () => {
  const slice = { column: { name: 'genre', equals: 'Horror' }, maxPercent: 5 }
  const horror = asking({ cell: () => 'Horror' })
  const spec = capped({ slice }, 50)
  const exposed = callers.filter((caller) => route(spec, caller, horror, normal).version !== null)
  assert.ok(Math.abs(exposed.length / callers.length - 0.05) < 0.01, `${exposed.length}`)
  assert.ok(exposed.every((caller) => half.has(caller)))
  assert.equal(route(capped({ slice }), 'anybody', horror, normal).rollout?.by, 'slice')
  const drama = callers.filter((caller) => route(spec, caller, asked, normal).version !== null)
  assert.equal(drama.length, half.size)
})

test('once a cap is reached the champion answers whoever was not exposed before, and nobody is evidence any more', () => {
  const spec = capped({ maxCallers: 2 }, 50)
  const exposures = new Exposures()
  const limits = { maxRequests: null, maxCallers: 2, slice: null }
  const now = { ...normal, capped: (id: string, key: string) => exposures.room(id, key, limits) }
  const asks = (caller: string) => {
    const choice = route(spec, caller, asked, now)
    if (choice.version) exposures.note(ROLLOUT, caller, limits)
    return [choice.version, choice.rollout?.by]
  }
  const [first = '', second = '', third = ''] = callers.filter((caller) => half.has(caller))
  const championCaller = callers.find((caller) => !half.has(caller)) ?? ''
  assert.deepEqual(asks(first), ['films/2', undefined])
  assert.deepEqual(asks(championCaller), [null, undefined])
  assert.deepEqual(asks(second), ['films/2', undefined])
  assert.deepEqual(asks(third), [null, 'cap'])
  assert.deepEqual(asks(first), ['films/2', 'cap'])
  assert.deepEqual(asks(championCaller), [null, 'cap'])
})
