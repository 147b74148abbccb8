/** What one would write first, or gets elsewhere: rules that take each request for an independent one, or count no error at all. */
import { normalQuantile, studentQuantile } from '@tidemark/statistics'

/** Ratios that the request-wise e-process bets on, in equal parts. */
const RATIOS = [1.25, 1.5, 2, 3, 5, 10] as const
const LOG_RATIOS = RATIOS.map(Math.log)

/** A request-wise e-process: valid only if each request tosses its own coin. */
export class EProcess {
  readonly #logWealth = new Float64Array(RATIOS.length)
  readonly #threshold: number
  rejects = false

  constructor(alpha: number) {
    this.#threshold = RATIOS.length / alpha
  }

  addError(onCandidate: boolean, weight: number): void {
    let wealth = 0
    RATIOS.forEach((ratio, bet) => {
      const log = (onCandidate ? (LOG_RATIOS[bet] ?? 0) : 0) - Math.log(weight * ratio + 1 - weight)
      this.#logWealth[bet] = (this.#logWealth[bet] ?? 0) + log
      wealth += Math.exp(this.#logWealth[bet] ?? 0)
    })
    if (wealth >= this.#threshold) this.rejects = true
  }
}

/** Errors and requests of both arms, as a two-sample z-test reads them, again at each look. */
export class ZTest {
  readonly #criticalZ: number
  readonly errors: [champion: number, candidate: number] = [0, 0]
  readonly requests: [champion: number, candidate: number] = [0, 0]

  constructor(alpha: number) {
    this.#criticalZ = normalQuantile(1 - alpha)
  }

  add(onCandidate: boolean, error: number): void {
    const arm = onCandidate ? 1 : 0
    this.errors[arm] += error
    this.requests[arm] += 1
  }

  rejects(): boolean {
    const [n, m] = this.requests
    const [a, b] = this.errors
    // The usual guard: fewer than five errors are not judged.
    if (n === 0 || m === 0 || a + b < 5) return false
    const pooled = (a + b) / (n + m)
    return (b / m - a / n) / Math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)) >= this.#criticalZ
  }
}

/** Share of failed requests of the candidate beyond which a window has failed, and failed windows that end the rollout. */
const FAILED_SHARE = 0.05
const FAILED_WINDOWS = 3

/**
 * The candidate's error share measured anew in each window, against an absolute threshold, as analysis templates and canary
 * charts of mesh controllers do; three failed measurements roll back.
 */
export class Threshold {
  #errors = 0
  #requests = 0
  #failed = 0

  add(onCandidate: boolean, error: number): void {
    if (!onCandidate) return
    this.#errors += error
    this.#requests += 1
  }

  /** Ends a window. */
  measure(): void {
    if (this.#requests > 0 && this.#errors / this.#requests > FAILED_SHARE) this.#failed += 1
    this.#errors = 0
    this.#requests = 0
  }

  get rejects(): boolean {
    return this.#failed >= FAILED_WINDOWS
  }
}

/**
 * A t-test of error rates whose variance is between callers, for one look fixed beforehand: as good as a test gets that may
 * not look twice. The ratio estimator's variance: Σ (eᵢ − r·nᵢ)² over callers. Weights must not change.
 */
export class ClusteredTest {
  readonly #errors: Float64Array
  readonly #requests: Float64Array
  readonly #arms = [emptyArm(), emptyArm()] as const
  readonly #alpha: number

  constructor(callers: number, alpha: number) {
    this.#errors = new Float64Array(callers)
    this.#requests = new Float64Array(callers)
    this.#alpha = alpha
  }

  add(caller: number, onCandidate: boolean, error: number): void {
    const arm = this.#arms[onCandidate ? 1 : 0]
    const errors = this.#errors[caller] ?? 0
    const requests = this.#requests[caller] ?? 0
    if (requests === 0) arm.callers += 1
    arm.errors += error
    arm.requests += 1
    arm.squaredErrors += error * (2 * errors + 1)
    arm.products += errors + error * (requests + 1)
    arm.squaredRequests += 2 * requests + 1
    this.#errors[caller] = errors + error
    this.#requests[caller] = requests + 1
  }

  /** Whether it rejects, were this its only look. */
  rejects(): boolean {
    const [champion, candidate] = this.#arms
    const fewest = Math.min(champion.callers, candidate.callers)
    if (fewest < 2) return false
    const difference = candidate.errors / candidate.requests - champion.errors / champion.requests
    const t = difference / Math.sqrt(variance(champion) + variance(candidate))
    return t >= criticalT(this.#alpha, fewest - 1)
  }
}

interface Arm {
  callers: number
  errors: number
  requests: number
  squaredErrors: number
  products: number
  squaredRequests: number
}

function emptyArm(): Arm {
  return { callers: 0, errors: 0, requests: 0, squaredErrors: 0, products: 0, squaredRequests: 0 }
}

function variance({ callers, errors, requests, squaredErrors, products, squaredRequests }: Arm): number {
  const rate = errors / requests
  const squares = squaredErrors - 2 * rate * products + rate * rate * squaredRequests
  return (squares / (requests * requests)) * (callers / (callers - 1))
}

const criticalValues = new Map<number, number>()

function criticalT(alpha: number, degreesOfFreedom: number): number {
  const rounded = degreesOfFreedom > 200 ? 200 : degreesOfFreedom
  const known = criticalValues.get(rounded)
  if (known !== undefined) return known
  const value = studentQuantile(1 - alpha, rounded)
  criticalValues.set(rounded, value)
  return value
}
