/**
 * The open callers of one simulated rollout, in arrays. It closes units as callers.ts does (the test compares both, unit by
 * unit), and costs a tenth: 10,000 runs of 20,000 requests take minutes.
 */
import type { CallerUnit, Closing, ClosingRule } from '@tidemark/statistics'

const FIRST_ERROR = 1
const WHOLE = 2

export class Ledger {
  readonly #onUnit: (unit: CallerUnit, caller: number) => void
  readonly #bothRules: boolean
  readonly #tracked: Uint8Array
  readonly #candidate: Uint8Array
  readonly #rho: Float64Array
  readonly #errors: Int32Array
  readonly #requests: Int32Array
  readonly #expected: Float64Array
  readonly #firstSeen: Int32Array
  /** Which rules have closed, as bits. */
  readonly #closed: Uint8Array
  /** Callers in the order of being first seen, and how far each rule has come with closing them by age. */
  readonly #order: Int32Array
  #seen = 0
  #aged = { firstError: 0, whole: 0 }

  /** `bothRules` false: only units that close at the first error, where nothing asks for the others. */
  constructor(callers: number, bothRules: boolean, onUnit: (unit: CallerUnit, caller: number) => void) {
    this.#onUnit = onUnit
    this.#bothRules = bothRules
    this.#tracked = new Uint8Array(callers)
    this.#candidate = new Uint8Array(callers)
    this.#rho = new Float64Array(callers)
    this.#errors = new Int32Array(callers)
    this.#requests = new Int32Array(callers)
    this.#expected = new Float64Array(callers)
    this.#firstSeen = new Int32Array(callers)
    this.#closed = new Uint8Array(callers)
    this.#order = new Int32Array(callers)
  }

  /** Callers seen at this weight. */
  get seen(): number {
    return this.#seen
  }

  has(caller: number): boolean {
    return this.#tracked[caller] === 1
  }

  open(caller: number, candidate: boolean, rho: number, request: number): void {
    this.#tracked[caller] = 1
    this.#candidate[caller] = candidate ? 1 : 0
    this.#rho[caller] = rho
    this.#errors[caller] = 0
    this.#requests[caller] = 0
    this.#expected[caller] = 0
    this.#firstSeen[caller] = request
    this.#closed[caller] = this.#bothRules ? 0 : WHOLE
    this.#order[this.#seen] = caller
    this.#seen += 1
  }

  /** Counts one request of a caller, and closes what is due by it. */
  count(caller: number, error: number, expected: number, request: number, rule: ClosingRule): void {
    const closed = this.#closed[caller] ?? 0
    if (closed === FIRST_ERROR + WHOLE) return
    const errors = (this.#errors[caller] ?? 0) + error
    const requests = (this.#requests[caller] ?? 0) + 1
    this.#errors[caller] = errors
    this.#requests[caller] = requests
    this.#expected[caller] = (this.#expected[caller] ?? 0) + expected
    const full = requests >= rule.requests
    const age = request - (this.#firstSeen[caller] ?? 0)
    const early = errors > 0 && requests < rule.earlyRequests
    if ((closed & FIRST_ERROR) === 0 && (full || early || age >= rule.span)) this.#close(caller, 'firstError')
    if ((closed & WHOLE) === 0 && (full || age >= rule.wholeSpan)) this.#close(caller, 'whole')
  }

  /** Closes the units that are due by age. */
  age(request: number, rule: ClosingRule): void {
    this.#aged.firstError = this.#closeAged('firstError', this.#aged.firstError, request - rule.span)
    if (this.#bothRules) this.#aged.whole = this.#closeAged('whole', this.#aged.whole, request - rule.wholeSpan)
  }

  /** The weight changes: every unit closes, and every caller is new. */
  reset(): void {
    for (let place = 0; place < this.#seen; place += 1) {
      const caller = this.#order[place] ?? 0
      const closed = this.#closed[caller] ?? 0
      if ((closed & FIRST_ERROR) === 0) this.#close(caller, 'firstError')
      if ((closed & WHOLE) === 0) this.#close(caller, 'whole')
      this.#tracked[caller] = 0
    }
    this.#seen = 0
    this.#aged = { firstError: 0, whole: 0 }
  }

  /** Closes a caller by every rule: a request without a caller's name is complete at once. */
  complete(caller: number): void {
    const closed = this.#closed[caller] ?? 0
    if ((closed & FIRST_ERROR) === 0) this.#close(caller, 'firstError')
    if ((closed & WHOLE) === 0) this.#close(caller, 'whole')
  }

  #closeAged(closing: Closing, from: number, firstSeen: number): number {
    const bit = closing === 'whole' ? WHOLE : FIRST_ERROR
    let place = from
    for (; place < this.#seen; place += 1) {
      const caller = this.#order[place] ?? 0
      if ((this.#firstSeen[caller] ?? 0) > firstSeen) break
      if (((this.#closed[caller] ?? 0) & bit) === 0) this.#close(caller, closing)
    }
    return place
  }

  #close(caller: number, closing: Closing): void {
    this.#closed[caller] = (this.#closed[caller] ?? 0) | (closing === 'whole' ? WHOLE : FIRST_ERROR)
    const rho = this.#rho[caller] ?? 0
    // One that was not tossed again bets nothing.
    if (rho <= 0 || rho >= 1) return
    this.#onUnit(
      {
        closing,
        assignedCandidate: this.#candidate[caller] === 1,
        rho,
        errors: this.#errors[caller] ?? 0,
        requests: this.#requests[caller] ?? 0,
        expectedErrors: this.#expected[caller] ?? 0,
      },
      caller,
    )
  }
}
