/** What one would write first: tests that take each request for an independent one. */
import { normalQuantile } from '@tidemark/statistics'

/** Ratios that the request-wise e-process bets on, in equal parts. */
const RATIOS = [1.25, 1.5, 2, 3, 5, 10] as const

/** A request-wise e-process (valid only if each request tosses its own coin), and a z-test looked at again and again. */
export class NaiveTests {
  readonly #wealth = RATIOS.map(() => 1)
  readonly #threshold: number
  readonly #criticalZ: number
  #championErrors = 0
  #championRequests = 0
  #candidateErrors = 0
  #candidateRequests = 0

  constructor(alpha: number) {
    this.#threshold = 1 / alpha
    this.#criticalZ = normalQuantile(1 - alpha)
  }

  add(onCandidate: boolean, error: number, weight: number): void {
    if (onCandidate) {
      this.#candidateErrors += error
      this.#candidateRequests += 1
    } else {
      this.#championErrors += error
      this.#championRequests += 1
    }
    if (error === 0) return
    RATIOS.forEach((ratio, bet) => {
      this.#wealth[bet] = ((this.#wealth[bet] ?? 0) * (onCandidate ? ratio : 1)) / (weight * ratio + 1 - weight)
    })
  }

  eProcessRejects(): boolean {
    return this.#wealth.reduce((sum, wealth) => sum + wealth, 0) / RATIOS.length >= this.#threshold
  }

  zTestRejects(): boolean {
    const n = this.#championRequests
    const m = this.#candidateRequests
    if (n === 0 || m === 0 || this.#candidateErrors + this.#championErrors < 5) return false
    const pooled = (this.#championErrors + this.#candidateErrors) / (n + m)
    const difference = this.#candidateErrors / m - this.#championErrors / n
    return difference / Math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)) >= this.#criticalZ
  }
}
