import type { Gate, GatePart, GatePolicy, GateVerdict, LossName, ReplayBudget, ReplaySlice } from '@tidemark/contracts'
import { boundSlices, comparePaired } from '@tidemark/statistics'
import type { GateEvidence, HoldoutRow, IntegrityFacts, PerturbedResult, ReplayEvidence } from './types.ts'

/** Below, a paired test has no meaning. */
const FEWEST_ROWS = 10

/** Judges a candidate. Pure: the same evidence gives the same gates. */
export function decideGates(policy: GatePolicy, evidence: GateEvidence): Gate[] {
  return [
    beatsChampion(policy, evidence),
    integrity(evidence.integrity),
    slices(policy, evidence),
    robustness(policy, evidence),
    ...(policy.replay && evidence.replay ? [replay(policy.replay, evidence.replay)] : []),
  ]
}

/** A candidate passes when no gate failed and the two that everything rests on were judged. */
export function verdictOf(gates: readonly Gate[]): { passed: boolean; summary: string } {
  const needed = gates.filter((gate) => gate.name === 'beats_champion' || gate.name === 'integrity')
  const failed = gates.filter((gate) => gate.verdict === 'failed')
  const open = needed.filter((gate) => gate.verdict === 'not_judged')
  const against = [...failed, ...open]
  const passed = against.length === 0
  const summary = (passed ? gates.filter((gate) => gate.verdict === 'passed') : against)
    .map((gate) => gate.sentence)
    .join('; ')
  return { passed, summary }
}

/** Loss of a prediction in units of the label (absolute) or their square. */
export function lossOf(loss: LossName, prediction: number, label: number): number {
  switch (loss) {
    case 'squared_error':
      return (prediction - label) ** 2
    case 'absolute_error':
      return Math.abs(prediction - label)
  }
}

interface Judged {
  readonly row: HoldoutRow
  readonly candidate: number
  readonly other: number
}

/** Losses of candidate and champion on the rows that both answered; without a champion, of the best constant. */
function comparable(policy: GatePolicy, evidence: GateEvidence): Judged[] {
  const { rows, champion } = evidence
  const mean = rows.reduce((sum, row) => sum + row.label, 0) / Math.max(1, rows.length)
  return rows.flatMap((row) => {
    const other = champion === null ? mean : row.championPrediction
    if (row.prediction === null || other === null) return []
    return [
      {
        row,
        candidate: lossOf(policy.loss, row.prediction, row.label),
        other: lossOf(policy.loss, other, row.label),
      },
    ]
  })
}

function beatsChampion(policy: GatePolicy, evidence: GateEvidence): Gate {
  const name = 'beats_champion'
  const { champion, rows } = evidence
  const judged = comparable(policy, evidence)
  const failures = rows.filter((row) => row.prediction === null).length
  const opponent = champion === null ? 'the mean of the labels' : `champion ${champion}`
  if (failures > 0) {
    const numbers = { rows: rows.length, failures }
    return gate(name, 'failed', numbers, `it failed on ${failures} of ${rows.length} holdout rows`)
  }
  if (judged.length < FEWEST_ROWS) {
    const numbers = { rows: judged.length, needs: FEWEST_ROWS }
    return gate(name, 'not_judged', numbers, `${judged.length} comparable holdout rows, ${FEWEST_ROWS} are needed`)
  }
  const candidateLosses = judged.map((each) => each.candidate)
  const otherLosses = judged.map((each) => each.other)
  const compared = comparePaired(candidateLosses, otherLosses, { alpha: policy.alpha })
  const numbers = {
    rows: compared.n,
    loss: policy.loss,
    candidateLoss: mean(candidateLosses),
    championLoss: mean(otherLosses),
    meanDifference: compared.meanDifference,
    lower: compared.interval.lower,
    upper: compared.interval.upper,
    pValue: compared.pNotBetter,
    signFlipPValue: compared.signFlipPNotBetter,
    alpha: policy.alpha,
  }
  const better = compared.pNotBetter <= policy.alpha
  return gate(
    name,
    better ? 'passed' : 'failed',
    numbers,
    `its ${words(policy.loss)} is ${fixed(numbers.candidateLoss)} against ${fixed(numbers.championLoss)} of ${opponent} on ${compared.n} rows ` +
      `(p = ${probability(compared.pNotBetter)}, ${better ? 'at most' : 'needs at most'} ${policy.alpha})`,
  )
}

function integrity(facts: IntegrityFacts): Gate {
  const name = 'integrity'
  const { pipelineRun, isRunsVersion, trainingEntities, sharedEntities, trainingTo, holdoutFrom } = facts
  const numbers = {
    pipelineRun,
    trainingEntities,
    sharedEntities,
    trainingTo: trainingTo?.toISOString() ?? null,
    holdoutFrom: holdoutFrom?.toISOString() ?? null,
  }
  const failed = (sentence: string) => gate(name, 'failed', numbers, sentence)
  if (pipelineRun === null) return failed('nothing shows what it was trained on: no pipeline run made it')
  if (!isRunsVersion) return failed('it is not the version that its pipeline run registered')
  if (trainingEntities === null && trainingTo === null) {
    return failed('its training rows carry neither keys nor times, so nothing shows that it did not see the holdout')
  }
  if (sharedEntities !== null && sharedEntities > 0) {
    return failed(`${sharedEntities} things of the holdout were in its training`)
  }
  if (trainingTo !== null && holdoutFrom !== null && trainingTo >= holdoutFrom) {
    return failed(`its training reaches to ${day(trainingTo)}, into the holdout, which begins ${day(holdoutFrom)}`)
  }
  const until = trainingTo ? `, trained to ${day(trainingTo)}` : ''
  const from = holdoutFrom ? `, held out from ${day(holdoutFrom)}` : ''
  return gate(name, 'passed', numbers, `it saw no thing of the holdout${until}${from}, and is the version of its run`)
}

function slices(policy: GatePolicy, evidence: GateEvidence): Gate {
  const name = 'slices'
  const { columns, minRows, margin } = policy.slices
  const differences: Record<string, number[]> = {}
  for (const { row, candidate, other } of comparable(policy, evidence)) {
    for (const column of columns) {
      const key = `${column} = ${row.slices[column] ?? ''}`
      differences[key] ??= []
      differences[key].push(candidate - other)
    }
  }
  const bounds = boundSlices(differences, { alpha: policy.alpha, margin, minimumRows: minRows })
  const parts: GatePart[] = bounds
    .toSorted((a, b) => b.n - a.n)
    .map(({ slice, n, meanDifference, lowerBound, judged, worse }) => ({
      name: slice,
      verdict: judged ? (worse ? 'failed' : 'passed') : 'not_judged',
      numbers: { rows: n, meanDifference, lowerBound: Number.isFinite(lowerBound) ? lowerBound : null, margin },
      sentence: judged
        ? `${slice}: loss ${signed(meanDifference)} on ${n} rows, surely more than ${signed(lowerBound)} (margin ${margin})`
        : `${slice}: loss ${signed(meanDifference)} on ${n} rows, not judged below ${minRows}`,
    }))
  const judged = parts.filter((part) => part.verdict !== 'not_judged')
  const worse = judged.filter((part) => part.verdict === 'failed')
  const numbers = { slices: parts.length, judged: judged.length, worse: worse.length, margin }
  if (judged.length === 0) {
    const why = columns.length === 0 ? 'the policy names no slice columns' : `no slice has ${minRows} rows`
    return { ...gate(name, 'not_judged', numbers, why), parts }
  }
  const sentence =
    worse.length > 0
      ? `worse than the margin in ${worse.map((part) => part.name).join(', ')}`
      : `no slice of ${judged.length} judged is surely more than ${margin} worse`
  return { ...gate(name, worse.length > 0 ? 'failed' : 'passed', numbers, sentence), parts }
}

function robustness(policy: GatePolicy, evidence: GateEvidence): Gate {
  const name = 'robustness'
  const { margin } = policy.robustness
  const parts = evidence.perturbed.map((result) => perturbedPart(policy, evidence.rows, result))
  const failed = parts.filter((part) => part.verdict === 'failed')
  const numbers = { kinds: parts.length, failed: failed.length, margin }
  if (parts.length === 0) return gate(name, 'not_judged', numbers, 'nothing was disturbed')
  const sentence =
    failed.length > 0
      ? failed.map((part) => part.sentence).join('; ')
      : `loss stays within ${margin} under ${parts.map((part) => part.name).join(', ')} inputs`
  return { ...gate(name, failed.length > 0 ? 'failed' : 'passed', numbers, sentence), parts }
}

function perturbedPart(policy: GatePolicy, rows: readonly HoldoutRow[], result: PerturbedResult): GatePart {
  const { margin } = policy.robustness
  const { kind, predictions, error } = result
  const raised = predictions.filter((prediction) => prediction === null).length
  if (raised > 0) {
    return {
      name: kind,
      verdict: 'failed',
      numbers: { rows: predictions.length, raised, error },
      sentence: `it fails on ${raised} of ${predictions.length} rows with ${kind} inputs (${error ?? 'no number'})`,
    }
  }
  const increases = result.rows.flatMap((place, index) => {
    const row = rows[place]
    const disturbed = predictions[index] ?? null
    if (!row || row.prediction === null || disturbed === null) return []
    return [lossOf(policy.loss, disturbed, row.label) - lossOf(policy.loss, row.prediction, row.label)]
  })
  if (increases.length === 0) {
    return { name: kind, verdict: 'not_judged', numbers: { rows: 0 }, sentence: `${kind}: no row to compare` }
  }
  const increase = mean(increases)
  return {
    name: kind,
    verdict: increase > margin ? 'failed' : 'passed',
    numbers: { rows: increases.length, meanIncrease: increase, margin },
    sentence: `${kind} inputs change its loss by ${signed(increase)} (margin ${margin})`,
  }
}

/** Whether what the candidate says to logged requests stays within the budget. A replay that cannot be made fails: the policy wants one. */
function replay(budget: ReplayBudget, evidence: ReplayEvidence): Gate {
  const name = 'replay'
  if ('problem' in evidence)
    return gate(
      name,
      'failed',
      { problem: evidence.problem },
      `logged requests could not be asked again: ${evidence.problem}`,
    )
  const { answers, disagreement, slices, lift, logged, skipped } = evidence.report
  const numbers = {
    replay: evidence.id,
    rows: logged.rows,
    compared: answers.rows,
    equal: answers.equal,
    noAnswer: answers.failed + answers.refused,
    flips: disagreement.rows,
    maxFlips: budget.maxFlips,
    disagreementPercent: disagreement.share * 100,
    maxDisagreementPercent: budget.maxDisagreementPercent,
    lift: lift?.lift ?? null,
  }
  if (answers.rows === 0) {
    const why = logged.rows === 0 ? 'nothing was logged that could be asked again' : 'no logged row could be compared'
    return gate(
      name,
      logged.rows === 0 ? 'not_judged' : 'failed',
      numbers,
      [why, ...skipped.map((each) => each.sentence)].join('; '),
    )
  }
  const [apart, worse] = (['apart', 'worse'] as const).map((verdict) =>
    slices.all.filter((slice) => slice.verdict === verdict).map(sliceName),
  ) as [string[], string[]]
  const against = [
    disagreement.share * 100 > budget.maxDisagreementPercent
      ? `${share(disagreement.share)} of ${disagreement.things} things would be decided otherwise, ${budget.maxDisagreementPercent} % are allowed`
      : '',
    budget.maxFlips !== null && disagreement.rows > budget.maxFlips
      ? `${disagreement.rows} decisions would be others, ${budget.maxFlips} are allowed`
      : '',
    apart.length > 0 ? `apart from the rest: ${apart.join(', ')}` : '',
    worse.length > 0 ? `worse on labels: ${worse.join(', ')}` : '',
  ].filter((each) => each !== '')
  const sentence =
    against.length > 0
      ? `asked again what was logged, ${against.join('; ')}`
      : `asked again ${answers.rows} logged rows, ${disagreement.rows} decisions would be others (${share(disagreement.share)}, at most ${budget.maxDisagreementPercent} %)`
  const parts = slices.all.map(
    (slice): GatePart => ({
      name: sliceName(slice),
      verdict: SLICE_VERDICTS[slice.verdict],
      numbers: { things: slice.things, flipped: slice.flipped, share: slice.share, elsewhere: slice.elsewhere },
      sentence: slice.sentence,
    }),
  )
  return { ...gate(name, against.length > 0 ? 'failed' : 'passed', numbers, sentence), parts }
}

const SLICE_VERDICTS: Readonly<Record<ReplaySlice['verdict'], GateVerdict>> = {
  apart: 'failed',
  worse: 'failed',
  not_apart: 'passed',
  not_judged: 'not_judged',
}

const sliceName = ({ column, value }: ReplaySlice): string => `${column} = ${value ?? 'missing'}`

function share(value: number): string {
  return `${(value * 100).toFixed(2)} %`
}

function gate(name: Gate['name'], verdict: GateVerdict, numbers: Gate['numbers'], sentence: string): Gate {
  return { name, verdict, numbers, sentence, parts: [] }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

function words(loss: LossName): string {
  return loss === 'squared_error' ? 'mean squared error' : 'mean absolute error'
}

function fixed(value: number): string {
  return value.toFixed(3)
}

function signed(value: number): string {
  if (!Number.isFinite(value)) return 'unknown'
  return `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(3)}`
}

function probability(p: number): string {
  return p < 0.001 ? p.toExponential(1) : p.toFixed(3)
}

function day(time: Date): string {
  return time.toISOString().slice(0, 10)
}
