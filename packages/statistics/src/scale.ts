/**
 * Unit faults: a column that suddenly arrives in thousands, in minutes instead of hours, in pounds instead of kilograms.
 *
 * Works on counts of magnitudes (40 bins per factor of ten), so replicas add up. The window's likelihood under "the
 * reference, multiplied by a known unit factor, in a share of the rows" is compared with the reference as it is.
 */

/** Rows per magnitude bin; keys are `magnitudeBin`'s numbers. Zero and missing values are not counted here. */
export type MagnitudeCounts = Readonly<Record<number, number>>

const BINS_PER_DECADE = 40

/** The bin of a non-zero number: ⌊40·log₁₀|value|⌋, null for zero and non-finite. `magnitudeBin(1000)` is 120. */
export function magnitudeBin(value: number): number | null {
  const size = Math.abs(value)
  if (!(size > 0) || !Number.isFinite(size)) return null
  // The tiny addition keeps 1000 out of the bin below it (log10 of 1000 is not exactly 3 on every machine).
  return Math.floor(BINS_PER_DECADE * Math.log10(size) + 1e-9)
}

/** By how many magnitude bins a factor moves a value; not whole in general. */
export function magnitudeShift(factor: number): number {
  return BINS_PER_DECADE * Math.log10(factor)
}

export interface UnitFactor {
  factor: number
  meaning: string
  /** Relative plausibility before seeing data. */
  prior: number
}

/** Factors that a mistaken unit multiplies values by; each is tried upwards and downwards. */
export const UNIT_FACTORS: readonly UnitFactor[] = [
  { factor: 1_000, meaning: 'thousands', prior: 10 },
  { factor: 100, meaning: 'hundredths or percent', prior: 10 },
  { factor: 1_000_000, meaning: 'millions', prior: 10 },
  { factor: 10, meaning: 'tenths', prior: 5 },
  { factor: 1_000_000_000, meaning: 'billions', prior: 2 },
  { factor: 60, meaning: 'minutes and seconds, or hours and minutes', prior: 5 },
  { factor: 3_600, meaning: 'hours and seconds', prior: 2 },
  { factor: 86_400, meaning: 'days and seconds', prior: 1 },
  { factor: 24, meaning: 'days and hours', prior: 1 },
  { factor: 1_024, meaning: 'binary kilo', prior: 0.5 },
  { factor: 1_048_576, meaning: 'binary mega', prior: 0.5 },
  { factor: 2.54, meaning: 'inches and centimetres', prior: 1 },
  { factor: 25.4, meaning: 'inches and millimetres', prior: 0.5 },
  { factor: 1 / 0.45359237, meaning: 'kilograms and pounds', prior: 1 },
  { factor: 1 / 0.3048, meaning: 'metres and feet', prior: 1 },
  { factor: 1.609344, meaning: 'miles and kilometres', prior: 1 },
  { factor: 28.349523125, meaning: 'ounces and grams', prior: 0.5 },
  { factor: 3.785411784, meaning: 'gallons and litres', prior: 0.5 },
]

export interface ScaleFault {
  /** Values are the expected ones times this: 0.001 when a column of dollars arrives in thousands. */
  factor: number
  meaning: string
  /** Estimated share of rows affected: 0.25, 0.5, 0.75 or 1. */
  share: number
}

export interface ScaleTest {
  /** The fault, when a known factor explains the window as well as any shift does. */
  fault: ScaleFault | null
  /** Log of the e-value for "some known factor" against "as the reference". */
  logEvidence: number
  /** min(1, e^−logEvidence) when a fault is named, else 1. */
  pValue: number
  /** The best free multiplier of all rows, within 6 %. */
  bestFactor: number
}

const SHARES = [1, 0.75, 0.5, 0.25] as const
/** Share of a flat background over 15 decades mixed into the reference: no single odd value decides. */
const BACKGROUND = 0.02
const BACKGROUND_BINS = 15 * BINS_PER_DECADE
/** A factor is named when its likelihood is within e⁻³ of the best free one, or its size within 15 % in logarithm. */
const LOG_LIKELIHOOD_TOLERANCE = 3
const RELATIVE_TOLERANCE = 0.15
const MOST_FREE_SHIFT = 10 * BINS_PER_DECADE

/**
 * Tests for a unit fault. H0: the window's magnitudes are drawn from the reference's distribution (its kernel estimate;
 * so the e-value is exact up to the estimation error of the reference, checked by simulation at m ≥ 200).
 *
 * `units`: the factors that may be at fault, where they are declared; all known ones otherwise.
 *
 * Worked value: 40 rows log-normal (σ = 1.5) divided by 1,000 after 1,500: factor 0.001, log-evidence above 20.
 */
export function testScale(
  window: MagnitudeCounts,
  reference: MagnitudeCounts,
  units: readonly UnitFactor[] = UNIT_FACTORS,
): ScaleTest {
  const rows = entriesOf(window)
  const density = kernelDensity(entriesOf(reference))
  const none: ScaleTest = { fault: null, logEvidence: 0, pValue: 1, bestFactor: 1 }
  if (rows.length === 0 || density === null) return none
  const logLikelihood = (shift: number, share: number): number => {
    let sum = 0
    for (const [bin, count] of rows) sum += count * Math.log((1 - share) * density(bin) + share * density(bin - shift))
    return sum
  }
  const unchanged = logLikelihood(0, 0)
  const totalPrior = units.reduce((sum, { prior }) => sum + prior, 0) * 2 * SHARES.length
  const hypotheses = units.flatMap((unit) =>
    [unit.factor, 1 / unit.factor].flatMap((factor) =>
      SHARES.map((share) => {
        const shift = magnitudeShift(factor)
        const logPosterior = logLikelihood(shift, share) - unchanged + Math.log(unit.prior / totalPrior)
        return { factor, meaning: unit.meaning, share, shift, logPosterior }
      }),
    ),
  )
  const best = hypotheses.reduce((a, b) => (b.logPosterior > a.logPosterior ? b : a))
  const logEvidence =
    best.logPosterior +
    Math.log(hypotheses.reduce((sum, each) => sum + Math.exp(each.logPosterior - best.logPosterior), 0))
  const free = bestShift((shift) => logLikelihood(shift, best.share))
  const explains =
    logLikelihood(best.shift, best.share) >= free.logLikelihood - LOG_LIKELIHOOD_TOLERANCE ||
    Math.abs(free.shift - best.shift) <= RELATIVE_TOLERANCE * Math.abs(best.shift)
  const named = logEvidence > 0 && explains
  return {
    fault: named ? { factor: best.factor, meaning: best.meaning, share: best.share } : null,
    logEvidence,
    pValue: named ? Math.min(1, Math.exp(-logEvidence)) : 1,
    bestFactor: 10 ** (bestShift((shift) => logLikelihood(shift, 1)).shift / BINS_PER_DECADE),
  }
}

function bestShift(logLikelihood: (shift: number) => number): { shift: number; logLikelihood: number } {
  let best = { shift: 0, logLikelihood: logLikelihood(0) }
  for (let shift = -MOST_FREE_SHIFT; shift <= MOST_FREE_SHIFT; shift += 1) {
    const value = logLikelihood(shift)
    if (value > best.logLikelihood) best = { shift, logLikelihood: value }
  }
  return best
}

function entriesOf(counts: MagnitudeCounts): [bin: number, count: number][] {
  return Object.entries(counts)
    .map(([bin, count]): [number, number] => [Number(bin), count])
    .filter(([, count]) => count > 0)
    .sort((a, b) => a[0] - b[0])
}

/** Gaussian kernel estimate on bins with Silverman's width (at least one bin), plus the background; null when empty. */
function kernelDensity(entries: readonly [bin: number, count: number][]): ((bin: number) => number) | null {
  const first = entries[0]?.[0]
  const last = entries.at(-1)?.[0]
  if (first === undefined || last === undefined) return null
  const n = entries.reduce((sum, [, count]) => sum + count, 0)
  const mean = entries.reduce((sum, [bin, count]) => sum + bin * count, 0) / n
  const sd = Math.sqrt(entries.reduce((sum, [bin, count]) => sum + count * (bin - mean) ** 2, 0) / n)
  const width = Math.max(1, 0.9 * sd * n ** -0.2)
  const reach = Math.ceil(5 * width)
  const values = new Float64Array(last - first + 1 + 2 * reach)
  const origin = first - reach
  for (const [bin, count] of entries) {
    for (let offset = -reach; offset <= reach; offset += 1) {
      const slot = bin + offset - origin
      const kernel = Math.exp(-0.5 * (offset / width) ** 2) / (width * Math.sqrt(2 * Math.PI))
      values[slot] = (values[slot] ?? 0) + (count / n) * kernel
    }
  }
  return (bin) => {
    const position = bin - origin
    const low = Math.floor(position)
    const part = position - low
    const smooth = (values[low] ?? 0) * (1 - part) + (values[low + 1] ?? 0) * part
    return (1 - BACKGROUND) * smooth + BACKGROUND / BACKGROUND_BINS
  }
}

/**
 * How much more (natural logarithm) a value speaks for a unit fault than for the reference as it is; 0 for zero and missing values. Summed
 * over things in the order of time it tells when the fault began.
 */
export function scaleLogRatio(
  reference: MagnitudeCounts,
  fault: Pick<ScaleFault, 'factor' | 'share'>,
): (value: number | null) => number {
  const density = kernelDensity(entriesOf(reference))
  const shift = magnitudeShift(fault.factor)
  return (value) => {
    const bin = value === null ? null : magnitudeBin(value)
    if (bin === null || density === null) return 0
    return Math.log(1 - fault.share + (fault.share * density(bin - shift)) / density(bin))
  }
}
