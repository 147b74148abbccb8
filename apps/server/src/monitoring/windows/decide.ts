import type { CheckKind, WindowCheck } from '@tidemark/contracts'
import {
  compareShares,
  familywise,
  jensenShannonDistance,
  type ScaleFault,
  testHomogeneity,
  testNewCategories,
  testOutOfRange,
  testScale,
} from '@tidemark/statistics'
import type { CategoryProfile, NumericProfile, Profile } from '../reference/profile.ts'
import { binCounts, categoriesOf, magnitudesOf, PREDICTION, WITHHELD, type WindowCounts } from './counts.ts'

/** A check before the window's budget is shared out. `fault` names the unit that was mistaken, where one explains the window. */
interface Finding {
  readonly kind: CheckKind
  readonly feature: string
  readonly statistic: number
  readonly pValue: number
  readonly effect: number
  readonly effectName: WindowCheck['effectName']
  readonly sentence: string
  readonly fault?: ScaleFault
}

export interface UnitSuspicion {
  readonly feature: string
  readonly fault: ScaleFault
  readonly logEvidence: number
}

export type WindowVerdict =
  | { readonly kind: 'not_judged'; readonly reason: string }
  | {
      readonly kind: 'judged'
      readonly checks: readonly WindowCheck[]
      /** Unit faults among the alarms, to be compared with the windows before. */
      readonly suspicions: readonly UnitSuspicion[]
    }

/** Categories beyond these count as one in the distribution's test; each is still looked at by the check for new values. */
const MOST_CATEGORIES = 30

/**
 * Judges a window: every check of every feature in one family, whose chance of any false alarm is at most `alpha` (Holm). The unit of the
 * counts is the thing (a film), never its many requests. A column that the window itself decides (its month) is only checked for missing
 * values, and one that the log masks or hashes not at all. The same counts always give the same verdict.
 */
export function judgeWindow(
  profile: Profile | null,
  counts: WindowCounts,
  entities: number,
  policy: { readonly alpha: number; readonly minEntities: number },
): WindowVerdict {
  if (!profile) return { kind: 'not_judged', reason: 'The version that served had no reference profile.' }
  if (entities < policy.minEntities) {
    return {
      kind: 'not_judged',
      reason: `${entities} things are fewer than the ${policy.minEntities} that are judged.`,
    }
  }
  const watched = profile.features.filter(({ name }) => !counts.get(name)?.has(WITHHELD))
  const findings = watched.flatMap((feature) =>
    feature.kind === 'numeric'
      ? numericFindings(feature, counts, entities)
      : categoryFindings(feature, counts, entities),
  )
  if (profile.predictions) findings.push(predictionFinding(profile.predictions, counts))
  const judged = familywise(
    policy.alpha,
    findings.map(({ feature, kind, pValue }) => ({ name: `${feature}:${kind}`, pValue })),
  )
  const checks: WindowCheck[] = []
  const suspicions: UnitSuspicion[] = []
  findings.forEach(({ fault, ...finding }, index) => {
    const { adjustedPValue, alarm } = judged[index] ?? { adjustedPValue: 1, alarm: false }
    checks.push({ ...finding, adjustedPValue, alarm })
    if (alarm && fault) suspicions.push({ feature: finding.feature, fault, logEvidence: finding.statistic })
  })
  return { kind: 'judged', checks, suspicions }
}

function numericFindings(profile: NumericProfile, counts: WindowCounts, entities: number): Finding[] {
  const cells = counts.get(profile.name)
  const window = binCounts(profile, cells)
  const known = total(window)
  const reference = total(profile.counts)
  const outside = (cells?.get('lo') ?? 0) + (cells?.get('hi') ?? 0)
  const range = testOutOfRange(outside, known, reference)
  const missed = missing(profile.name, cells?.get('m') ?? 0, entities, profile.missing, reference + profile.missing)
  if (profile.followsCalendar) return [missed]
  const scale = testScale(magnitudesOf(cells), profile.magnitudes)
  return [
    distribution('distribution', profile.name, window, profile.counts, 'bins'),
    missed,
    {
      kind: 'range',
      feature: profile.name,
      statistic: outside,
      pValue: range.pValue,
      effect: known > 0 ? outside / known : 0,
      effectName: 'share outside',
      sentence: `${outside} of ${known} values lie outside ${short(profile.min)} to ${short(profile.max)}, the range of ${reference} training rows`,
    },
    {
      kind: 'unit',
      feature: profile.name,
      statistic: scale.logEvidence,
      pValue: scale.pValue,
      effect: Math.abs(Math.log(scale.fault?.factor ?? 1)),
      effectName: 'log of factor',
      sentence: scale.fault
        ? `values look multiplied by ${short(scale.fault.factor)} (${scale.fault.meaning}) in ${percent(scale.fault.share)} of rows`
        : 'no mistaken unit explains the values better than the training rows do',
      ...(scale.fault ? { fault: scale.fault } : {}),
    },
  ]
}

function categoryFindings(profile: CategoryProfile, counts: WindowCounts, entities: number): Finding[] {
  const cells = counts.get(profile.name)
  const window = categoriesOf(cells)
  const reference = total(Object.values(profile.counts))
  const missed = missing(profile.name, cells?.get('m') ?? 0, entities, profile.missing, reference + profile.missing)
  if (profile.followsCalendar) return [missed]
  const names = Object.keys(profile.counts).sort(
    (a, b) => (profile.counts[b] ?? 0) - (profile.counts[a] ?? 0) || (a < b ? -1 : 1),
  )
  const common = names.slice(0, MOST_CATEGORIES)
  const withRest = (by: Readonly<Record<string, number>>): number[] => {
    const listed = common.map((name) => (Object.hasOwn(by, name) ? (by[name] ?? 0) : 0))
    return [...listed, total(Object.values(by)) - total(listed)]
  }
  const fresh = testNewCategories(window, profile.counts)
  const known = total(Object.values(window))
  const examples = fresh.categories.slice(0, 3).map(({ category, count }) => `"${category}" (${count})`)
  return [
    distribution('distribution', profile.name, withRest(window), withRest(profile.counts), 'categories'),
    missed,
    {
      kind: 'new_values',
      feature: profile.name,
      statistic: fresh.rows,
      pValue: fresh.pValue,
      effect: known > 0 ? fresh.rows / known : 0,
      effectName: 'share outside',
      sentence:
        fresh.rows === 0
          ? 'no value that training had not seen'
          : `${fresh.rows} of ${known} values were never seen in training: ${examples.join(', ')}`,
    },
  ]
}

function predictionFinding(profile: NumericProfile, counts: WindowCounts): Finding {
  const cells = counts.get(PREDICTION)
  const finding = distribution('prediction', PREDICTION, binCounts(profile, cells), profile.counts, 'bins')
  const none = cells?.get('m') ?? 0
  return none === 0 ? finding : { ...finding, sentence: `${finding.sentence}; ${none} answers were not one number` }
}

function distribution(
  kind: 'distribution' | 'prediction',
  feature: string,
  window: readonly number[],
  reference: readonly number[],
  cells: 'bins' | 'categories',
): Finding {
  const { statistic, pValue } = testHomogeneity(window, reference, { cells })
  const effect = total(window) > 0 && total(reference) > 0 ? jensenShannonDistance(window, reference) : 0
  const against = kind === 'prediction' ? 'predictions on the holdout' : 'training rows'
  return {
    kind,
    feature,
    statistic,
    pValue,
    effect,
    effectName: 'Jensen–Shannon distance',
    sentence: `distribution of ${total(window)} values against ${total(reference)} ${against}: p = ${short(pValue)}, distance ${effect.toFixed(2)}`,
  }
}

function missing(
  feature: string,
  hits: number,
  entities: number,
  referenceHits: number,
  referenceTotal: number,
): Finding {
  const { difference, pValue } = compareShares(
    { hits, total: entities },
    { hits: referenceHits, total: referenceTotal },
  )
  return {
    kind: 'missing',
    feature,
    statistic: hits,
    pValue,
    effect: Math.abs(difference),
    effectName: 'difference of shares',
    sentence: `${hits} of ${entities} values missing, ${referenceHits} of ${referenceTotal} in training`,
  }
}

/** One sentence over a window's alarms: the features by their smallest adjusted p-value. */
export function summariseAlarms(checks: readonly WindowCheck[]): string {
  const alarms = checks.filter((check) => check.alarm).sort((a, b) => a.adjustedPValue - b.adjustedPValue)
  return alarms
    .map((check) => `${nameOfFeature(check.feature)}: ${check.sentence} (adjusted p = ${short(check.adjustedPValue)})`)
    .join('; ')
}

/** How a person reads the key of the model's answers. */
export const nameOfFeature = (feature: string): string => (feature === PREDICTION ? 'prediction' : feature)

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)
const percent = (share: number): string => `${Math.round(share * 100)} %`

/** Three significant digits, thousands with a dash of space, powers of ten where shorter. */
export function short(value: number | null): string {
  if (value === null) return 'nothing'
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1).replace('e+', 'e')
  return String(Number(value.toPrecision(3)))
}
