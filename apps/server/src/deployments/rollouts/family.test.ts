import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Guardrail, RolloutPolicy } from '@tidemark/contracts'
import { decide } from './decide.ts'
import { byHolm } from './family.ts'
import { readInput } from './input.ts'
import { isHarmful } from './rules.ts'
import type { RolloutEvidence } from './types.ts'

const ALPHA = 0.06
const VERSIONS = [2, 3, 4]

/** A version's guardrails at α over three; `strength`: evidence of harm in what it needs there. */
function guardrailsOf(version: number, strength: number): Guardrail[] {
  const shares = { errors: 1 / 4, failures: 1 / 4, loss: 1 / 2 }
  return (['errors', 'failures', 'loss'] as const).map((name) => {
    const harmNeeds = VERSIONS.length / (ALPHA * shares[name])
    return {
      name,
      version,
      unit: 'unit',
      units: 50,
      champion: 0.01,
      candidate: 0.02,
      difference: 0.01,
      lower: null,
      upper: null,
      margin: 0.02,
      harmEValue: name === 'loss' ? strength * harmNeeds : 0,
      harmNeeds,
      acceptanceEValue: 0,
      acceptanceNeeds: VERSIONS.length / ALPHA,
      proven: false,
    }
  })
}
const given = (strengths: readonly number[]) => VERSIONS.map((version, at) => guardrailsOf(version, strengths[at] ?? 0))
const accused = (guardrails: readonly Guardrail[]) => [
  ...new Set(guardrails.filter(isHarmful).map(({ version }) => version)),
]

test('harm that is proven of one version leaves its part of alpha to the others, by Holm’s steps', () => {
  const cases: [string, number[], number[]][] = [
    ['none is proven, so none is easier to prove', [0.99, 0.7, 0.5], []],
    ['one is proven, the next needs two thirds', [1, 0.6, 0.3], [2]],
    ['one is proven, and by what it leaves the next', [0.67, 1, 0.3], [2, 3]],
    ['all are, each by what those before it leave', [1, 0.67, 0.34], [2, 3, 4]],
    ['the last is weak, whatever was left', [1, 5, 0.33], [2, 3]],
  ]
  for (const [name, strengths, expected] of cases) assert.deepEqual(accused(byHolm(given(strengths))), expected, name)
})

test('what is shown as needed is what Holm’s correction asks of a version now', () => {
  const needs = (strengths: readonly number[]) =>
    byHolm(given(strengths)).find(({ name, version }) => name === 'loss' && version === 4)?.harmNeeds ?? 0
  const rounded = (value: number) => Number(value.toFixed(9))
  assert.deepEqual([needs([0, 0]), needs([1, 0]), needs([1, 1])].map(rounded), [
    100,
    rounded(200 / 3),
    rounded(100 / 3),
  ])
  assert.deepEqual(byHolm([]), [])
})

test('a decision is made by Holm’s steps, and one stored with thresholds of before is computed again by those', () => {
  const policy = RolloutPolicy.parse({
    strategy: 'ab',
    alpha: ALPHA,
    ab: { variants: VERSIONS.map((version) => ({ version, weightPercent: 20 })) },
  })
  const before = given([1, 0.7, 0.2])
  const evidence: RolloutEvidence = {
    eventTimeFrom: 0,
    eventTimeTo: 1,
    now: 1,
    limitsFrom: 0,
    stageFrom: 0,
    requests: 500,
    pairs: 0,
    labelledPairs: 0,
    callersAtStage: 50,
    requestsAtStage: 400,
    labelledAtStage: 0,
    exposedRequests: 100,
    exposedCallers: 20,
    guardrails: byHolm(before),
    contenders: VERSIONS.map((version) => ({ version, callers: 50, difference: 0, better: false, proven: false })),
    loadFailure: null,
    confirmed: true,
  }
  const state = { kind: 'ab' as const, weights: policy.ab.variants }
  const input = { policy, state, evidence, waived: false, paused: null }
  const left = (stored: unknown) => {
    const decision = decide(readInput(JSON.parse(JSON.stringify(stored))))
    return decision.kind === 'shift' && decision.to.kind === 'ab'
      ? decision.to.weights.filter(({ weightPercent }) => weightPercent > 0).map(({ version }) => version)
      : decision.kind
  }
  assert.deepEqual(left(input), [4])
  assert.deepEqual(left({ ...input, evidence: { ...evidence, guardrails: before.flat() } }), [3, 4])
})
