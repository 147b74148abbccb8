import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rollout, RolloutState } from '@tidemark/contracts'
import { onTrial } from '../src/endpoints/shares.ts'
import { stagesOf } from '../src/endpoints/stages.ts'

function reachOf(strategy: Rollout['strategy'], state: RolloutState, weights: readonly number[] = []): string[] {
  const steps = weights.map((weightPercent) => ({ weightPercent, minCallers: 100 }))
  const stages = stagesOf({ strategy, state, steps, decisions: [], eventTimeFrom: null })
  return stages.map(({ name, reach }) => `${name}: ${reach}`)
}

const weights = [
  { version: 3, weightPercent: 20 },
  { version: 4, weightPercent: 30 },
]

test('the way of a rollout has the stages of its strategy, and shows how far it came', () => {
  const proof = 'non-inferiority proven'
  assert.deepEqual(reachOf('canary', { kind: 'canary', step: 0, weightPercent: 10 }, [10, 50]), [
    'Shadow: done',
    '10 %: now',
    '50 %: ahead',
    'All callers: ahead',
  ])
  assert.deepEqual(reachOf('canary', { kind: 'rolled_back', guardrail: 'loss' }, [10]), [
    'Shadow: ended',
    '10 %: ahead',
    'All callers: ahead',
  ])
  assert.deepEqual(reachOf('ab', { kind: 'ab', weights }), ['A/B: now', 'All callers: ahead'])
  assert.deepEqual(reachOf('ab', { kind: 'promoted', proof }), ['A/B: done', 'All callers: done'])
  assert.deepEqual(reachOf('shadow', { kind: 'shadow' }), ['Shadow: now', 'Observed: ahead'])
  assert.deepEqual(reachOf('shadow', { kind: 'observed', verdict: 'not worse' }), ['Shadow: done', 'Observed: done'])
  assert.deepEqual(reachOf('shadow', { kind: 'promoted', proof }), ['Shadow: done', 'All callers: done'])
  assert.deepEqual(reachOf('canary', { kind: 'queued' }, [10]), ['Shadow: ahead', '10 %: ahead', 'All callers: ahead'])
})

test('every version on trial has its own share of the callers', () => {
  const films = { model: 'films', version: 3 }
  assert.deepEqual(onTrial({ ...films, state: { kind: 'ab', weights } }), [
    { version: 'films/3', weightPercent: 20 },
    { version: 'films/4', weightPercent: 30 },
  ])
  const step = { kind: 'canary', step: 1, weightPercent: 50 } as const
  assert.deepEqual(onTrial({ ...films, state: step }), [{ version: 'films/3', weightPercent: 50 }])
  assert.deepEqual(onTrial({ ...films, state: { kind: 'shadow' } }), [{ version: 'films/3', weightPercent: 0 }])
})
