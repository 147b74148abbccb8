import { type ReplayReport, ReplaySkip, type ReplaySlice } from '@tidemark/contracts'
import { type JudgedSlice, judgeSlices, shareInterval, studentInterval } from '@tidemark/statistics'
import type { ReplayFacts, ReplayTerms, SliceFacts } from './types.ts'

/** Of a time in which nothing was logged. */
export const NOTHING: ReplayFacts = {
  requests: 0,
  rows: 0,
  from: null,
  to: null,
  versions: [],
  skipped: [],
  asked: 0,
  equal: 0,
  failed: 0,
  refused: 0,
  problem: null,
  mended: 0,
  flips: 0,
  things: { all: 0, flipped: 0 },
  differences: { numbers: null, labels: [] },
  slices: [],
  latency: null,
  lift: null,
}

/** What counts mean. Pure: the same facts under the same terms give the same report. */
export function reportOf(facts: ReplayFacts, terms: ReplayTerms): ReplayReport {
  const { asked, equal, failed, refused, things, differences, latency } = facts
  const { alpha, margin, minThings, tolerance } = terms
  const share = things.all === 0 ? 0 : things.flipped / things.all
  const report = {
    logged: {
      requests: facts.requests,
      rows: facts.rows,
      from: instantOf(facts.from),
      to: instantOf(facts.to),
      versions: Object.fromEntries(facts.versions.map(({ version, n }) => [version, n])),
    },
    skipped: facts.skipped.map(({ reason, n, problem }) => skipOf(ReplaySkip.parse(reason), n, problem)),
    answers: {
      rows: asked,
      equal,
      identical: asked > 0 && equal === asked,
      failed,
      refused,
      problem: failed + refused > 0 ? facts.problem : null,
      mended: facts.mended,
    },
    disagreement: {
      tolerance,
      rows: facts.flips,
      things: things.all,
      flipped: things.flipped,
      share,
      ...(things.all === 0 ? { lower: 0, upper: 1 } : shareInterval(things.flipped, things.all, 1 - alpha)),
    },
    differences,
    slices: { alpha, margin, minThings, all: slicesOf(facts, terms) },
    latency,
    lift: liftOf(facts, terms),
  }
  return { summary: summaryOf(report), ...report }
}

const WORST_FIRST = { apart: 0, worse: 1, not_apart: 2, not_judged: 3 } as const

function slicesOf({ slices, things }: ReplayFacts, terms: ReplayTerms): ReplaySlice[] {
  const { alpha, margin, lossMargin, minThings } = terms
  const judged = judgeSlices(
    slices.map(({ things: units, flipped, labelled, increase, error }, place) => ({
      slice: String(place),
      units,
      differing: flipped,
      loss: labelled > 1 && increase !== null ? { n: labelled, mean: increase, standardError: error ?? 0 } : null,
    })),
    { units: things.all, differing: things.flipped },
    { alpha, margin, lossMargin, minimumUnits: minThings },
  )
  return judged
    .map((each) => sliceOf(slices[Number(each.slice)] as SliceFacts, each, terms))
    .sort((a, b) => WORST_FIRST[a.verdict] - WORST_FIRST[b.verdict] || b.share - b.elsewhere - (a.share - a.elsewhere))
}

function sliceOf(facts: SliceFacts, judged: JudgedSlice, { minThings, margin }: ReplayTerms): ReplaySlice {
  const { column, value, things, flipped } = facts
  const { share, elsewhere, loss, differs, worse } = judged
  const verdict = !judged.judged ? 'not_judged' : differs ? 'apart' : worse ? 'worse' : 'not_apart'
  const name = nameOf(column, value)
  const shares = `${percent(share.value)} of ${things} things would be decided otherwise (${percent(share.lower)} to ${percent(share.upper)}), elsewhere ${percent(elsewhere)}`
  const losses = loss
    ? `; loss ${signed(loss.mean)} on ${loss.n} labelled (${signed(loss.lower)} to ${signed(loss.upper)})`
    : ''
  const why = !judged.judged
    ? `not judged below ${minThings} things`
    : [differs ? `surely over ${percent(margin)} more than elsewhere` : '', worse ? 'surely worse on labels' : '']
        .filter((each) => each !== '')
        .join(' and ') || 'not apart'
  return {
    column,
    value,
    things,
    flipped,
    share: share.value,
    lower: share.lower,
    upper: share.upper,
    elsewhere,
    loss: loss && {
      things: loss.n,
      increase: loss.mean,
      // Never unbounded: there are two at least.
      lower: loss.lower,
      upper: loss.upper,
    },
    verdict,
    sentence: `${name}: ${shares}${losses}; ${why}`,
  }
}

function liftOf({ lift }: ReplayFacts, { alpha, minThings }: ReplayTerms): ReplayReport['lift'] {
  if (!lift) return null
  const { loss, things, logged, candidate, mean, error } = lift
  // A few things that all differ by the same have no spread to be sure by: an interval of no width would claim what nobody knows.
  if (error === 0 && mean !== 0 && things < minThings) return null
  const bounds = studentInterval({ n: things, mean, standardError: error }, alpha)
  return { loss, things, logged, candidate, lift: mean, ...bounds, alpha }
}

function skipOf(reason: ReplaySkip, rows: number, problem: string | null): ReplayReport['skipped'][number] {
  const words = {
    redacted: `${problem ?? 'A column that it needs is masked or hashed.'} So it cannot be replayed.`,
    whole: 'They were answered as a whole, not row by row: there is nothing to compare by rows.',
    erased: 'What they were about was erased.',
  }
  return { reason, rows, sentence: `${rows} rows were not asked again. ${words[reason]}` }
}

function summaryOf({ logged, answers, disagreement, slices, lift, skipped }: Omit<ReplayReport, 'summary'>): string {
  if (logged.rows === 0) return 'Nothing was logged in this time.'
  const left = skipped.map(({ sentence }) => sentence)
  if (answers.rows === 0) return [`Nothing could be compared of ${logged.rows} logged rows.`, ...left].join(' ')
  const same = answers.identical
    ? `all ${answers.rows} answers are the same to the last bit`
    : `${answers.equal} of ${answers.rows} answers are the same to the last bit`
  const flips =
    disagreement.rows === 0
      ? 'no decision would be another'
      : `${disagreement.rows} decisions would be others (${percent(disagreement.share)} of ${disagreement.things} things)`
  const none = answers.failed + answers.refused
  const apart = slices.all.filter(({ verdict }) => verdict === 'apart')
  const worse = slices.all.filter(({ verdict }) => verdict === 'worse')
  const sentences = [
    `${same}; ${flips}.`,
    // Not what it said: that may repeat what callers sent, and events are for ever.
    none > 0 ? `On ${none} rows it has no answer where there was one.` : '',
    apart.length > 0
      ? `Apart: ${apart
          .slice(0, 3)
          .map(({ sentence }) => sentence)
          .join('. ')}.`
      : '',
    worse.length > 0
      ? `Worse on labels: ${worse
          .slice(0, 3)
          .map(({ column, value }) => nameOf(column, value))
          .join(', ')}${worse.length > 3 ? ` and ${worse.length - 3} more` : ''}.`
      : '',
    lift
      ? `On ${lift.things} labelled things its loss is ${fixed(lift.candidate)} against ${fixed(lift.logged)}: lift ${signed(lift.lift)} (${signed(lift.lower)} to ${signed(lift.upper)}).`
      : '',
    ...left,
  ]
  return sentences.filter((sentence) => sentence !== '').join(' ')
}

const nameOf = (column: string, value: string | null) =>
  `${column} = ${value === '' ? '(empty)' : (value ?? 'missing')}`
const instantOf = (milliseconds: number | null) => (milliseconds === null ? null : new Date(milliseconds).toISOString())
const percent = (share: number) => `${(share * 100).toFixed(share > 0 && share < 0.001 ? 3 : 1)} %`
const fixed = (value: number) => String(Number(value.toPrecision(4)))
const signed = (value: number) => `${value >= 0 ? '+' : '−'}${fixed(Math.abs(value))}`
