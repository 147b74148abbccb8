/**
 * Gamma and beta functions in double precision.
 *
 * Series and continued fractions after Press et al., Numerical Recipes (3rd ed.), 6.1–6.4; accuracy is checked in the
 * tests against scipy 1.17.1 (relative error below 1e-11, logs below 1e-12 absolute).
 */

const SMALLEST = 1e-300
const EPSILON = 1e-16
const MAX_TERMS = 20_000

/** Coefficients of Stirling's series B(2k) / (2k (2k−1)), k = 1…8. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360_360, 1 / 156, -3617 / 122_400] as const

/** Natural logarithm of Γ(x) for x > 0; `logGamma(10)` is ln 9! = 12.801827480081469. NaN outside the domain. */
export function logGamma(x: number): number {
  if (!(x > 0)) return Number.NaN
  let shifted = x
  let product = 1
  while (shifted < 12) {
    product *= shifted
    shifted += 1
  }
  const square = 1 / (shifted * shifted)
  let power = 1 / shifted
  let series = 0
  for (const coefficient of STIRLING) {
    series += coefficient * power
    power *= square
  }
  return (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product)
}

/** Natural logarithm of B(a, b), a > 0, b > 0; `logBeta(2, 3)` is ln(1/12). */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

/** Natural logarithm of the binomial coefficient n over k, for whole 0 ≤ k ≤ n; −∞ outside. */
export function logChoose(n: number, k: number): number {
  if (k < 0 || k > n) return Number.NEGATIVE_INFINITY
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
}

/** Lower regularised incomplete gamma function P(a, x), a > 0, x ≥ 0; `gammaLower(5, 3)` is 0.18473675547622787. */
export function gammaLower(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0)) return Number.NaN
  if (x === 0) return 0
  if (x === Number.POSITIVE_INFINITY) return 1
  return x < a + 1 ? gammaSeries(a, x) : 1 - gammaFraction(a, x)
}

/** Upper regularised incomplete gamma function Q(a, x) = 1 − P(a, x), accurate in the far tail. */
export function gammaUpper(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0)) return Number.NaN
  if (x === 0) return 1
  if (x === Number.POSITIVE_INFINITY) return 0
  return x < a + 1 ? 1 - gammaSeries(a, x) : gammaFraction(a, x)
}

function gammaSeries(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let n = 1; n < MAX_TERMS; n += 1) {
    term *= x / (a + n)
    sum += term
    if (term < sum * EPSILON) break
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a))
}

function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = 1 / SMALLEST
  let d = 1 / b
  let h = d
  for (let i = 1; i < MAX_TERMS; i += 1) {
    const an = -i * (i - a)
    b += 2
    d = 1 / awayFromZero(an * d + b)
    c = awayFromZero(b + an / c)
    const step = d * c
    h *= step
    if (Math.abs(step - 1) < EPSILON * 4) break
  }
  return h * Math.exp(a * Math.log(x) - x - logGamma(a))
}

/** Regularised incomplete beta function I_x(a, b), a > 0, b > 0, 0 ≤ x ≤ 1; `betaLower(2, 3, 0.4)` is 0.5248. */
export function betaLower(a: number, b: number, x: number): number {
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) return Number.NaN
  if (x === 0 || x === 1) return x
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b))
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(a, b, x)) / a : 1 - (front * betaFraction(b, a, 1 - x)) / b
}

function betaFraction(a: number, b: number, x: number): number {
  let c = 1
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1))
  let h = d
  for (let m = 1; m < MAX_TERMS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / awayFromZero(1 + even * d)
    c = awayFromZero(1 + even / c)
    h *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / awayFromZero(1 + odd * d)
    c = awayFromZero(1 + odd / c)
    const step = d * c
    h *= step
    if (Math.abs(step - 1) < EPSILON * 4) break
  }
  return h
}

function awayFromZero(value: number): number {
  return Math.abs(value) < SMALLEST ? SMALLEST : value
}
