import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatePolicy } from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import { decideGates, verdictOf } from './decide.ts'
import type { GateEvidence, HoldoutRow, IntegrityFacts, PerturbedResult } from './types.ts'

const policy = GatePolicy.parse({
  slices: { columns: ['genre'], minRows: 30, margin: 0.1 },
  robustness: { margin: 0.4 },
})
const clean: IntegrityFacts = {
  pipelineRun: 'run',
  isRunsVersion: true,
  trainingEntities: 1500,
  sharedEntities: 0,
  trainingTo: new Date('2001-12-31'),
  holdoutFrom: new Date('2002-01-01'),
}

/** 200 films: the candidate's error is `candidate`, the champion's `champion`, both times a normal draw, by genre. */
function rows(candidate: (genre: string) => number, champion: number): HoldoutRow[] {
  const uniform = seededUniform(7)
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return Array.from({ length: 200 }, (_, index) => {
    const genre = index % 10 === 0 ? 'Western' : index % 3 === 0 ? 'Comedy' : 'Drama'
    const label = 6 + normal()
    return {
      entity: `film ${index}`,
      eventTime: new Date('2002-06-01'),
      slices: { genre },
      label,
      prediction: label + candidate(genre) * normal(),
      championPrediction: label + champion * normal(),
    }
  })
}
const better = rows(() => 0.5, 1)
const unchanged = (kind: PerturbedResult['kind']): PerturbedResult => ({
  kind,
  rows: better.map((_, index) => index),
  predictions: better.map((row) => row.prediction),
  error: null,
})

function evidence(fields: Partial<GateEvidence> = {}): GateEvidence {
  return {
    champion: 1,
    rows: better,
    perturbed: [unchanged('noisy'), unchanged('missing'), unchanged('unknown')],
    integrity: clean,
    replay: null,
    ...fields,
  }
}
const withIntegrity = (fields: Partial<IntegrityFacts>) => evidence({ integrity: { ...clean, ...fields } })
const raising: PerturbedResult = {
  ...unchanged('missing'),
  predictions: better.map((row, index) => (index % 4 === 0 ? null : row.prediction)),
  error: 'ValueError: no running time',
}
const harmed: PerturbedResult = { ...unchanged('noisy'), predictions: better.map((row) => row.label + 2) }

const table: [string, GateEvidence, Record<string, string>, boolean][] = [
  [
    'a better candidate that saw nothing of the holdout passes all gates',
    evidence(),
    { beats_champion: 'passed', integrity: 'passed', slices: 'passed', robustness: 'passed' },
    true,
  ],
  [
    'an equal candidate does not beat the champion',
    evidence({ rows: rows(() => 1, 1) }),
    { beats_champion: 'failed' },
    false,
  ],
  [
    'a candidate that fails on a holdout row does not beat the champion',
    evidence({ rows: better.with(3, { ...(better[3] as HoldoutRow), prediction: null }) }),
    { beats_champion: 'failed' },
    false,
  ],
  [
    'without a champion the best constant is to be beaten',
    evidence({ champion: null }),
    { beats_champion: 'passed' },
    true,
  ],
  [
    'without a champion a bad model is refused',
    evidence({ champion: null, rows: rows(() => 2, 1) }),
    { beats_champion: 'failed' },
    false,
  ],
  ['without a holdout nothing was shown', evidence({ rows: [] }), { beats_champion: 'not_judged' }, false],
  [
    'one film of the holdout in the training fails it',
    withIntegrity({ sharedEntities: 1 }),
    { integrity: 'failed' },
    false,
  ],
  [
    'a training that reaches into the holdout fails it',
    withIntegrity({ trainingEntities: null, sharedEntities: null, trainingTo: new Date('2002-01-02') }),
    { integrity: 'failed' },
    false,
  ],
  ['a version that no run made fails it', withIntegrity({ pipelineRun: null }), { integrity: 'failed' }, false],
  ['a refit of the gated version fails it', withIntegrity({ isRunsVersion: false }), { integrity: 'failed' }, false],
  [
    'training rows without keys and times show nothing',
    withIntegrity({ trainingEntities: null, sharedEntities: null, trainingTo: null }),
    { integrity: 'failed' },
    false,
  ],
  [
    'a genre that is surely worse fails its slice',
    evidence({ rows: rows((genre) => (genre === 'Comedy' ? 2 : 0.3), 1) }),
    { slices: 'failed' },
    false,
  ],
  [
    'a genre of 20 films may be bad: it is shown and not judged',
    evidence({ rows: rows((genre) => (genre === 'Western' ? 2 : 0.3), 1) }),
    { slices: 'passed' },
    true,
  ],
  [
    'a model that raises on a missing value fails',
    evidence({ perturbed: [unchanged('noisy'), raising] }),
    { robustness: 'failed' },
    false,
  ],
  ['a model that noise ruins fails', evidence({ perturbed: [harmed] }), { robustness: 'failed' }, false],
]
for (const [name, given, expected, passes] of table) {
  test(name, () => {
    const gates = decideGates(policy, given)
    const verdicts: Record<string, string> = Object.fromEntries(gates.map((gate) => [gate.name, gate.verdict]))
    for (const [gate, verdict] of Object.entries(expected)) assert.equal(verdicts[gate], verdict, gate)
    assert.equal(verdictOf(gates).passed, passes)
    for (const gate of gates) assert.ok(gate.sentence.length > 10)
  })
}

test('slices below the minimum of rows are shown with their numbers', () => {
  const gates = decideGates(policy, evidence())
  const western = gates.find((gate) => gate.name === 'slices')?.parts.find((part) => part.name === 'genre = Western')
  assert.equal(western?.verdict, 'not_judged')
  assert.equal(western?.numbers.rows, 20)
})
