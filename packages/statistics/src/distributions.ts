/**
 * Tails and quantiles of the distributions that the tests of this package use.
 *
 * Each tail is computed directly, never as one minus a cumulative value, so p-values far below 1e-16 keep their digits.
 * Reference values in the tests are scipy 1.17.1's.
 */
import { betaLower, gammaUpper, logBeta, logChoose } from './gamma.ts'

/** P(Z ≤ z) for a standard normal Z; `normalCdf(-1.96)` is 0.024997895148220435. */
export function normalCdf(z: number): number {
  const tail = gammaUpper(0.5, (z * z) / 2) / 2
  return z < 0 ? tail : 1 - tail
}

const CENTRAL_NUMERATOR = [
  -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
  2.506628277459239,
] as const
const CENTRAL_DENOMINATOR = [
  -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1,
] as const
const TAIL_NUMERATOR = [
  -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
] as const
const TAIL_DENOMINATOR = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1] as const

/**
 * The z with P(Z ≤ z) = p; ±∞ at 0 and 1. Acklam's rational approximation, then two Halley steps to full precision.
 * `normalQuantile(0.95)` is 1.6448536269514722.
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN
  if (p === 0) return Number.NEGATIVE_INFINITY
  if (p === 1) return Number.POSITIVE_INFINITY
  if (p > 0.5) return -normalQuantile(1 - p)
  let z: number
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p))
    z = horner(TAIL_NUMERATOR, q) / horner(TAIL_DENOMINATOR, q)
  } else {
    const q = p - 0.5
    const r = q * q
    z = (horner(CENTRAL_NUMERATOR, r) * q) / horner(CENTRAL_DENOMINATOR, r)
  }
  for (let step = 0; step < 2; step += 1) {
    const error = (normalCdf(z) - p) * Math.sqrt(2 * Math.PI) * Math.exp((z * z) / 2)
    z -= error / (1 + (z * error) / 2)
  }
  return z
}

function horner(coefficients: readonly number[], x: number): number {
  let value = 0
  for (const coefficient of coefficients) value = value * x + coefficient
  return value
}

/** P(X ≥ x) for a chi-square variable; `chiSquareTail(3.84, 1)` is 0.05004352124870519. */
export function chiSquareTail(x: number, degreesOfFreedom: number): number {
  return x <= 0 ? 1 : gammaUpper(degreesOfFreedom / 2, x / 2)
}

/** P(T ≥ t) for Student's t; `studentTail(2, 5)` is 0.050969739414929174. */
export function studentTail(t: number, degreesOfFreedom: number): number {
  if (Number.isNaN(t)) return Number.NaN
  if (!Number.isFinite(t)) return t > 0 ? 0 : 1
  const half = betaLower(degreesOfFreedom / 2, 0.5, degreesOfFreedom / (degreesOfFreedom + t * t)) / 2
  return t > 0 ? half : 1 - half
}

/** The t with P(T ≤ t) = p; `studentQuantile(0.95, 13)` is 1.7709333959868725. */
export function studentQuantile(p: number, degreesOfFreedom: number): number {
  if (!(p > 0 && p < 1)) return normalQuantile(p)
  if (p < 0.5) return -studentQuantile(1 - p, degreesOfFreedom)
  const nu = degreesOfFreedom
  if (nu < 5) {
    // T² / (ν + T²) is Beta(1/2, ν/2): the quantile of a bounded variable is safe to bisect, however heavy the tail.
    const share = betaQuantile(2 * p - 1, 0.5, nu / 2)
    return Math.sqrt((nu * share) / (1 - share))
  }
  const z = normalQuantile(p)
  const logPeak = -logBeta(nu / 2, 0.5) - Math.log(nu) / 2
  let t = z + (z ** 3 + z) / (4 * nu)
  for (let step = 0; step < 30; step += 1) {
    const density = Math.exp(logPeak - ((nu + 1) / 2) * Math.log1p((t * t) / nu))
    // Newton on the logarithm of the tail, which is concave: no overshooting far out.
    const tail = studentTail(t, nu)
    const change = (tail * Math.log(tail / (1 - p))) / density
    t += change
    if (Math.abs(change) <= 1e-13 * (1 + t)) break
  }
  return t
}

/** The x in [0, 1] with I_x(a, b) = p, by bisection to the last bit; `betaQuantile(0.025, 5, 16)` is 0.08657146910143461. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN
  let low = 0
  let high = 1
  for (let step = 0; step < 1_100; step += 1) {
    const middle = (low + high) / 2
    if (middle <= low || middle >= high) break
    if (betaLower(a, b, middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** P(X ≥ successes) for X ~ Binomial(trials, probability); `binomialTail(3, 10, 0.1)` is 0.0701908264. */
export function binomialTail(successes: number, trials: number, probability: number): number {
  if (successes <= 0) return 1
  if (successes > trials) return 0
  return betaLower(successes, trials - successes + 1, probability)
}

/** Natural logarithm of the hypergeometric probability of `hits` marked items in `drawn` from `population` with `marked`. */
export function logHypergeometric(hits: number, population: number, marked: number, drawn: number): number {
  return logChoose(marked, hits) + logChoose(population - marked, drawn - hits) - logChoose(population, drawn)
}

/**
 * P(X ≥ hits) for X hypergeometric: `drawn` items without replacement from `population`, of which `marked` are marked.
 * `hypergeometricTail(5, 100, 20, 10)` is 0.025464546427043128.
 */
export function hypergeometricTail(hits: number, population: number, marked: number, drawn: number): number {
  const lowest = Math.max(0, drawn + marked - population)
  const highest = Math.min(drawn, marked)
  if (hits <= lowest) return 1
  if (hits > highest) return 0
  let sum = 0
  for (let k = hits; k <= highest; k += 1) sum += Math.exp(logHypergeometric(k, population, marked, drawn))
  return Math.min(1, sum)
}
