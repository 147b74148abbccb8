import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JsonValue, RolloutPolicy } from '@tidemark/contracts'
import { seededUniform, startMeanSequence, startMeanTest } from '@tidemark/statistics'
import { guardrailsOf } from './guardrails.ts'
import { observedView } from './observed.ts'
import { withPoints } from './points.ts'
import { addPair, evidenceSettings, readEvidence, startEvidence } from './state.ts'
import type { EvidenceState } from './types.ts'

const begin = (policy: object = {}) => startEvidence(evidenceSettings(RolloutPolicy.parse(policy), null))

/** The state after things that both versions answered, a point of the charts after each. */
function asked(before: EvidenceState, things: number, say: (n: number) => [JsonValue, JsonValue]): EvidenceState {
  let state = before
  for (let n = 0; n < things; n += 1) {
    const [championSaid, candidateSaid] = say(n)
    const numberOf = (said: JsonValue) => (typeof said === 'number' ? said : null)
    const pair = {
      entity: `thing-${n}`,
      stage: 0,
      champion: numberOf(championSaid),
      candidate: numberOf(candidateSaid),
      championSaid,
      candidateSaid,
      championFailed: false,
      candidateFailed: false,
      eventTime: n * 1000,
    }
    state = withPoints({ ...addPair(state, pair, true), eventTimeFrom: 0, eventTimeTo: n * 1000 })
  }
  return state
}
const disagreementOf = (state: EvidenceState) => guardrailsOf(state).find(({ name }) => name === 'disagreement')

test('how often the versions differ is shown and drawn as it narrows, where nobody declared a budget for it', () => {
  const state = asked(begin(), 400, (n) => [n, n % 10 === 0 ? n + 1 : n])
  const { things, share, lower, upper } = observedView(state).disagreement
  assert.deepEqual([things, share], [400, 0.1])
  assert.ok((lower ?? 1) <= 0.1 && (upper ?? 0) >= 0.1 && (upper ?? 1) - (lower ?? 0) < 0.12, `${lower} to ${upper}`)
  assert.equal(disagreementOf(state), undefined)
  const widths = state.points
    .filter(({ guardrail }) => guardrail === 'disagreement')
    .map((point) => (point.upper ?? 1) - (point.lower ?? 0))
  assert.ok(widths.length > 100)
  assert.ok(
    widths.every((width, n) => width <= (widths[n - 1] ?? 1)),
    'it only narrows',
  )
})

test('the one number in a list is compared as a number, within the tolerance', () => {
  const state = asked(begin({ disagreement: { tolerance: 0.5, maxPercent: 10 } }), 40, (n) => [[n], [n + (n % 4) / 4]])
  assert.equal(observedView(state).disagreement.share, 0.25)
})

test('a declared budget is judged by bets on shares: twice as much as allowed is found, what is allowed is not', () => {
  const uniform = seededUniform(5)
  const judged = (share: number) => {
    const state = asked(begin({ disagreement: { maxPercent: 5 } }), 800, (n) => [n, uniform() < share ? n + 1 : n])
    const found = disagreementOf(state)
    assert.ok(found)
    return found.harmEValue >= found.harmNeeds
  }
  assert.deepEqual([judged(0.1), judged(0.05)], [true, false])
  const none = asked(begin({ disagreement: { maxPercent: 0 } }), 40, (n) => [n, n === 7 || n === 30 ? n + 1 : n])
  const found = disagreementOf(none)
  assert.ok(found && found.harmEValue >= found.harmNeeds, 'of no disagreement at all, two are too many')
})

test('predictions that lie elsewhere are told from those that only differ, whether they are numbers or texts', () => {
  const uniform = seededUniform(9)
  const moved = (say: () => [JsonValue, JsonValue]) => {
    const { distribution } = observedView(asked(begin(), 600, say))
    return distribution && distribution.eValue >= distribution.needs
  }
  assert.equal(
    moved(() => [uniform(), uniform()]),
    false,
  )
  assert.equal(
    moved(() => [uniform(), uniform() ** 2]),
    true,
  )
  assert.equal(
    moved(() => [uniform() < 0.5, uniform() < 0.5]),
    false,
  )
  assert.equal(
    moved(() => [uniform() < 0.5 ? 'yes' : 'no', uniform() < 0.3 ? 'yes' : 'no']),
    true,
  )
  // Neither is a category: there is nothing to compare.
  assert.equal(
    moved(() => [
      [uniform(), 1],
      [uniform(), 1],
    ]),
    null,
  )
  assert.equal(
    moved(() => ['x'.repeat(100), 'y']),
    null,
  )
})

test('a rollout that began before any of it was kept goes on with the tests it has', () => {
  const { observed: _, ...older } = asked(begin({ disagreement: { maxPercent: 5 } }), 3, (n) => [n, n])
  const stored = {
    ...older,
    disagreement: {
      ...older.disagreement,
      harm: startMeanTest({ direction: 'above', mean: 0.05 }, 1),
      sequence: startMeanSequence(0.5),
    },
  }
  const state = asked(readEvidence(JSON.parse(JSON.stringify(stored))), 60, (n) => [n, n + 1])
  const found = disagreementOf(state)
  assert.ok(found && found.harmEValue >= found.harmNeeds)
  assert.deepEqual([found.units, found.lower], [63, null])
  assert.deepEqual(observedView(state).distribution, null)
  assert.deepEqual(observedView(readEvidence({ ...older, disagreement: undefined })).disagreement.things, 0)
})
