import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CallerUnit,
  close,
  closingRuleFor,
  dueClosings,
  type OpenCaller,
  openCaller,
  remainingClosings,
  seededUniform,
  withRequests,
} from '@tidemark/statistics'
import { Ledger } from './ledger.ts'
import { tallies } from './measure.ts'
import { drawPopulation } from './population.ts'
import { rowsOf } from './rows.ts'
import { experiments, simulate } from './scenarios.ts'

test('the quick size keeps every promise: no more than 5 % false rollbacks and promotions, the power that is claimed', async () => {
  const counts = await tallies(true)
  const plan = experiments(true)
  plan.forEach((experiment, index) => {
    const tally = counts[index]
    assert.equal(tally?.runs, experiment.runs)
    if (tally === undefined) return
    for (const row of rowsOf(experiment, tally)) assert.notEqual(row.met, false, `${row.claim}: ${row.ours}`)
  })
  // The simulation is hard enough to matter: what one would write first fails on it.
  const healthy = counts.filter((_, index) => plan[index]?.shows.kind === 'false rollbacks')
  const share = (who: string): number =>
    healthy.reduce((sum, tally) => sum + (tally.spoke[who]?.length ?? 0), 0) /
    healthy.reduce((sum, tally) => sum + tally.runs, 0)
  assert.ok(share('zTest') > 0.2, `${share('zTest')}`)
  assert.ok(share('threshold') > 0.5, `${share('threshold')}`)
})

test('the same seed gives the same rollout', () => {
  for (const { plan } of experiments(true).slice(4, 11)) assert.deepEqual(simulate(plan, 12), simulate(plan, 12))
})

test('the ledger closes the units that callers.ts closes, in its order', () => {
  const uniform = seededUniform(3)
  const population = drawPopulation(uniform, 60, 0.1)
  const expected: CallerUnit[] = []
  const seen: CallerUnit[] = []
  const ledger = new Ledger(60, true, (unit) => seen.push(unit))
  let callers = new Map<number, OpenCaller>()
  const settle = (index: number, caller: OpenCaller, due: ReturnType<typeof remainingClosings>): void => {
    const closed = close(caller, due)
    callers.set(index, closed.caller)
    expected.push(...closed.units)
  }
  for (let request = 1; request <= 3_000; request += 1) {
    if (request === 1_500) {
      for (const [index, caller] of callers) settle(index, caller, remainingClosings(caller))
      callers = new Map()
      ledger.reset()
    }
    const index = population.nextCaller()
    const candidate = (population.bucket[index] ?? 1) < 0.3
    const error = uniform() < (population.ownRate[index] ?? 0) ? 1 : 0
    if (!ledger.has(index)) {
      ledger.open(index, candidate, 0.3, request)
      callers.set(index, openCaller(candidate, 0.3, request))
    }
    const rule = closingRuleFor(ledger.seen)
    const caller = withRequests(callers.get(index) ?? openCaller(candidate, 0.3, request), error, 1, 0.1)
    settle(index, caller, dueClosings(caller, request, rule))
    for (const closing of ['firstError', 'whole'] as const) {
      for (const [other, open] of callers) {
        if (dueClosings(open, request, rule).includes(closing)) settle(other, open, [closing])
      }
    }
    ledger.count(index, error, 0.1, request, rule)
    ledger.age(request, rule)
  }
  assert.ok(expected.length > 150)
  // A caller whose units are all closed goes on counting in callers.ts, and has nothing to close.
  assert.deepEqual(
    seen.map((unit) => ({ ...unit, expectedErrors: unit.expectedErrors.toFixed(9) })),
    expected.map((unit) => ({ ...unit, expectedErrors: unit.expectedErrors.toFixed(9) })),
  )
})
