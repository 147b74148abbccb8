import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  GatePolicy,
  type GateVerdict,
  type ReplayBudget,
  type ReplayReport,
  type ReplaySlice,
} from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import type { z } from 'zod'
import { decideGates, verdictOf } from './decide.ts'
import type { GateEvidence, HoldoutRow, IntegrityFacts, PerturbedResult, ReplayEvidence } from './types.ts'

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

const replayed: ReplayReport = {
  summary: '…',
  logged: { requests: 900, rows: 1000, from: null, to: null, versions: { 'films/1': 1000 } },
  skipped: [],
  answers: { rows: 1000, equal: 980, identical: false, failed: 0, refused: 0, problem: null, mended: 0 },
  disagreement: { tolerance: 0, rows: 20, things: 800, flipped: 16, share: 0.02, lower: 0.011, upper: 0.033 },
  differences: { numbers: null, labels: [] },
  slices: { alpha: 0.05, margin: 0.05, minThings: 30, all: [] },
  latency: null,
  lift: null,
}
const apart: ReplaySlice = {
  column: 'genre',
  value: 'Horror',
  things: 100,
  flipped: 16,
  share: 0.16,
  lower: 0.1,
  upper: 0.25,
  elsewhere: 0,
  loss: null,
  verdict: 'apart',
  sentence: 'genre = Horror: 16 % …',
}
const budgets: [
  string,
  Partial<z.input<typeof ReplayBudget>> | null,
  ReplayEvidence | null,
  GateVerdict | null,
  RegExp,
][] = [
  ['without a budget no gate replays', null, null, null, /^$/],
  [
    'within its budget a replay passes',
    {},
    { id: 'r', report: replayed },
    'passed',
    /20 decisions would be others \(2\.00 %, at most 2 %\)/,
  ],
  [
    'more disagreement than the budget fails',
    { maxDisagreementPercent: 1 },
    { id: 'r', report: replayed },
    'failed',
    /2\.00 % of 800 things .* 1 % are allowed/,
  ],
  [
    'more flips than the budget fail',
    { maxFlips: 19 },
    { id: 'r', report: replayed },
    'failed',
    /20 decisions would be others, 19 are allowed/,
  ],
  [
    'a slice that is apart fails, and is named',
    { maxDisagreementPercent: 100 },
    { id: 'r', report: { ...replayed, slices: { ...replayed.slices, all: [apart] } } },
    'failed',
    /apart from the rest: genre = Horror/,
  ],
  [
    'a slice that is worse on labels fails, and is named',
    { maxDisagreementPercent: 100 },
    {
      id: 'r',
      report: { ...replayed, slices: { ...replayed.slices, all: [{ ...apart, verdict: 'worse' }] } },
    },
    'failed',
    /worse on labels: genre = Horror/,
  ],
  [
    'a time in which nothing was logged is not judged',
    {},
    {
      id: 'r',
      report: { ...replayed, logged: { ...replayed.logged, rows: 0 }, answers: { ...replayed.answers, rows: 0 } },
    },
    'not_judged',
    /nothing was logged/,
  ],
  [
    'rows that cannot be asked again fail it',
    {},
    {
      id: 'r',
      report: {
        ...replayed,
        answers: { ...replayed.answers, rows: 0 },
        skipped: [{ reason: 'redacted', rows: 1000, sentence: 'masked' }],
      },
    },
    'failed',
    /no logged row could be compared; masked/,
  ],
  [
    'a replay that is refused fails it, with the reason',
    {},
    { problem: 'it needs "genre"' },
    'failed',
    /could not be asked again: it needs "genre"/,
  ],
]
for (const [name, budget, replay, verdict, reason] of budgets) {
  test(name, () => {
    const asked = budget && { maxDisagreementPercent: 2, ...budget }
    const gates = decideGates(GatePolicy.parse({ replay: asked }), evidence({ replay }))
    const gate = gates.find((each) => each.name === 'replay')
    assert.equal(gate?.verdict ?? null, verdict)
    assert.match(gate?.sentence ?? '', reason)
    assert.equal(verdictOf(gates).passed, verdict !== 'failed')
  })
}
