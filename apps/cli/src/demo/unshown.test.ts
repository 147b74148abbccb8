import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unshown } from './unshown.ts'

const retraining = [
  'monitoring.performance_lost',
  'automation.retraining_decided',
  'pipelines.run_succeeded',
  'evaluation.gates_passed',
  'governance.version_approved',
  'deployments.rollout_started',
  'deployments.rollout_promoted',
].map((type) => ({ type, correlation: 'retraining' }))
const waived = ['governance.version_approved', 'deployments.rollout_started', 'deployments.rollout_rolled_back'].map(
  (type) => ({ type, correlation: 'waiver' }),
)

test('of a loop that went all the way nothing is missing', () => {
  assert.deepEqual(unshown([...waived, ...retraining]), [])
})

test('what a waiver let in shows nothing of a retraining', () => {
  assert.equal(unshown(waived).length, 7)
})

test('a retraining that the gates refused has shown the way up to them', () => {
  assert.deepEqual(unshown([...waived, ...retraining.slice(0, 3)]), [
    'a candidate through the gates',
    'approval',
    'its rollout',
    'promotion',
  ])
})
