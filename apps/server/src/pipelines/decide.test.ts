import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide, explainMiss } from './decide.ts'
import type { CacheParts, RunStatus, StepStatus, StepView } from './types.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
const RUNNING: RunStatus = { kind: 'running' }
const FIRST = { failures: 0, losses: 0 }

function step(
  name: string,
  status: StepStatus,
  more: Partial<StepView> & { needs?: string[]; retries?: number } = {},
): StepView {
  const { needs = [], retries = 1, alive = true, hit = null } = more
  return { definition: { name, needs, inputs: {}, retries }, status, alive, hit }
}
const waiting: StepStatus = { kind: 'waiting' }
const succeeded: StepStatus = { kind: 'succeeded', ...FIRST }
const running: StepStatus = { kind: 'running', owner: 'me', ...FIRST }
const ended = (outcome: Extract<StepStatus, { kind: 'attempted' }>['outcome'], counts = FIRST): StepStatus => ({
  kind: 'attempted',
  outcome,
  ...counts,
})
const kinds = (run: RunStatus, ...steps: StepView[]) =>
  decide(run, steps, NOW).actions.map((action) => `${action.kind} ${action.step}`)

test('only steps whose predecessors are done start, all of them at once', () => {
  const after = { needs: ['a'] }
  assert.deepEqual(kinds(RUNNING, step('a', waiting), step('b', waiting, after)), ['start a'])
  assert.deepEqual(kinds(RUNNING, step('a', running), step('b', waiting, after)), [])
  assert.deepEqual(kinds(RUNNING, step('a', succeeded), step('b', waiting, after), step('c', waiting, after)), [
    'start b',
    'start c',
  ])
})

test('a step with an earlier result of the same key takes it instead of running', () => {
  const hit = { fromRun: 'r', outputs: [], values: {} }
  assert.deepEqual(kinds(RUNNING, step('a', waiting, { hit })), ['reuse a'])
})

test('a result makes the step succeed, and what follows starts in the next turn', () => {
  const done = step('a', ended({ kind: 'result', outputs: [], values: {} }))
  const decision = decide(RUNNING, [done, step('b', waiting, { needs: ['a'] })], NOW)
  assert.deepEqual(
    decision.actions.map(({ kind }) => kind),
    ['succeed'],
  )
  assert.equal(decision.finish, null)
})

test('an error is tried again as often as declared, later each time, then the step and the run fail', () => {
  const error = { kind: 'error', reason: 'ValueError: no' } as const
  const first = decide(RUNNING, [step('a', ended(error), { retries: 2 })], NOW)
  assert.deepEqual(first.actions[0], {
    kind: 'retry',
    step: 'a',
    reason: 'ValueError: no',
    retryAt: new Date(NOW.getTime() + 1000),
    failures: 1,
    losses: 0,
  })
  assert.deepEqual(first.lookAgainAt, new Date(NOW.getTime() + 1000))
  const second = decide(RUNNING, [step('a', ended(error, { failures: 1, losses: 0 }), { retries: 2 })], NOW)
  assert.deepEqual(second.lookAgainAt, new Date(NOW.getTime() + 2000))
  const third = decide(RUNNING, [step('a', ended(error, { failures: 2, losses: 0 }), { retries: 2 })], NOW)
  assert.deepEqual(third.finish, { kind: 'failed', step: 'a', reason: 'ValueError: no (after 3 tries)' })
})

test('a lost process does not use up retries, is tried again at once the first time, and not for ever', () => {
  assert.deepEqual(kinds(RUNNING, step('a', running, { alive: false, retries: 0 })), ['retry a', 'start a'])
  const lost = { kind: 'lost', reason: 'killed' } as const
  assert.equal(decide(RUNNING, [step('a', ended(lost, { failures: 0, losses: 3 }))], NOW).finish, null)
  assert.equal(decide(RUNNING, [step('a', ended(lost, { failures: 0, losses: 4 }))], NOW).finish?.kind, 'failed')
})

test('after a failure nothing new starts, running steps may end, and then the run has failed', () => {
  const failed = step('a', { kind: 'failed', reason: 'no', failures: 1, losses: 0 })
  const open = decide(RUNNING, [failed, step('b', running), step('c', waiting)], NOW)
  assert.deepEqual(
    open.actions.map((action) => `${action.kind} ${action.step}`),
    ['skip c'],
  )
  assert.equal(open.finish, null)
  const closed = decide(RUNNING, [failed, step('b', succeeded), step('c', { kind: 'skipped', reason: '' })], NOW)
  assert.deepEqual(closed.finish, { kind: 'failed', step: 'a', reason: 'no' })
})

test('cancelling stops what runs, cancels what waits, and ends when nothing runs any more', () => {
  const cancelling: RunStatus = { kind: 'cancelling', reason: 'by ada' }
  const open = decide(cancelling, [step('a', running), step('b', waiting)], NOW)
  assert.deepEqual(
    open.actions.map((action) => `${action.kind} ${action.step}`),
    ['stop a', 'cancel b'],
  )
  assert.equal(open.finish, null)
  const last = decide(cancelling, [step('a', ended({ kind: 'stopped' })), step('b', { kind: 'cancelled' })], NOW)
  assert.deepEqual(last.finish, { kind: 'cancelled', reason: 'by ada' })
})

test('a run whose steps are all done or cached has succeeded', () => {
  const decision = decide(RUNNING, [step('a', succeeded), step('b', { kind: 'cached', fromRun: 'r' })], NOW)
  assert.deepEqual(decision, { actions: [], finish: { kind: 'succeeded' }, lookAgainAt: null })
})

test('why a step was not cached names the part that differs', () => {
  const parts: CacheParts = {
    entry: 'train:run',
    code: { 'train.py': `sha256:${'a'.repeat(64)}` },
    lock: `sha256:${'c'.repeat(64)}`,
    parameters: { asOf: '2000-01' },
    seed: 0,
    inputs: { films: `sha256:${'1'.repeat(64)}` },
    outputs: ['model'],
  }
  assert.equal(explainMiss(parts, null, true), 'First run of this step.')
  const last = {
    run: 'r',
    parts: { ...parts, parameters: { asOf: '1999-01' }, inputs: { films: `sha256:${'2'.repeat(64)}` } },
  }
  assert.equal(
    explainMiss(parts, last, true),
    'Differs from run r in parameter asOf (1999-01 → 2000-01), input films (22222222 → 11111111).',
  )
  assert.equal(explainMiss(parts, { run: 'r', parts }, false), 'The step asks to run each time.')
})
