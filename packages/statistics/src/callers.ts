/**
 * The unit of evidence under sticky routing: a caller, from being first seen at a weight to the close of its unit.
 *
 * One caller's outcome is used at most once per closing rule and toss. Two rules run side by side: `firstError` closes at the
 * caller's first error if that comes early (news of harm; a caller that sends much tells more by its share of errors than by
 * its first one; callers without errors close late and weigh against harm), `whole` closes without looking at errors (what
 * proofs of non-inferiority need). Both also close at a cap of requests, after a span of the endpoint's traffic, and when the
 * weight changes. None looks at the arm.
 */

export type Closing = 'firstError' | 'whole'

/** What happened to one caller in one closed unit. */
export interface CallerUnit {
  closing: Closing
  assignedCandidate: boolean
  /** Probability (0–1) of the candidate arm at the moment this caller was assigned. */
  rho: number
  errors: number
  requests: number
  /** Sum over the unit's requests of the endpoint's error rate at that time, both arms together (`trafficRate`). */
  expectedErrors: number
}

/** A caller whose unit has not closed by every rule yet; plain, to be stored as a row. */
export interface OpenCaller {
  assignedCandidate: boolean
  rho: number
  errors: number
  requests: number
  expectedErrors: number
  /** Number of the endpoint's request at which it was first seen at this weight. */
  firstSeen: number
  closed: readonly Closing[]
}

export interface ClosingRule {
  /** Most requests of one caller in a unit. */
  requests: number
  /** A first error closes the unit of a caller with fewer requests than this. */
  earlyRequests: number
  /** Requests of the endpoint after which a unit closes that waits for an error. */
  span: number
  /** The same for the rule that does not look at errors. */
  wholeSpan: number
}

/** Requests of the endpoint for each of its callers after which a unit closes, by either rule. */
const SPAN_PER_CALLER = 40
const WHOLE_SPAN_PER_CALLER = 4
const SHORTEST_WHOLE_SPAN = 40
const LONGEST_WHOLE_SPAN = 8_000

/**
 * When units close with this number of callers seen so far: small endpoints would wait years for the spans that suit large
 * ones. The arms play no part in it, which is what keeps the bets fair. Tuned on simulated canaries of 2,000 callers and
 * 20,000 to 120,000 requests, with other seeds than the benchmark's (ADR 0017): a shorter span, or patience with fewer first
 * errors, loses harm more often at small shares; a higher cap changes nothing.
 *
 * Worked value: 2,000 callers close after 80,000 requests of the endpoint, after 8,000 without looking at errors.
 */
export function closingRuleFor(callers: number): ClosingRule {
  const wholeSpan = Math.min(LONGEST_WHOLE_SPAN, Math.max(SHORTEST_WHOLE_SPAN, WHOLE_SPAN_PER_CALLER * callers))
  return { requests: 120, earlyRequests: 10, span: (SPAN_PER_CALLER / WHOLE_SPAN_PER_CALLER) * wholeSpan, wholeSpan }
}

const CLOSINGS: readonly Closing[] = ['firstError', 'whole']

/** A caller at its first request at this weight. */
export function openCaller(assignedCandidate: boolean, rho: number, firstSeen: number): OpenCaller {
  return { assignedCandidate, rho, errors: 0, requests: 0, expectedErrors: 0, firstSeen, closed: [] }
}

/** The caller after further requests, made while the endpoint's error rate was `rate`. */
export function withRequests(caller: OpenCaller, errors: number, requests: number, rate: number): OpenCaller {
  return {
    assignedCandidate: caller.assignedCandidate,
    rho: caller.rho,
    errors: caller.errors + errors,
    requests: caller.requests + requests,
    expectedErrors: caller.expectedErrors + requests * rate,
    firstSeen: caller.firstSeen,
    closed: caller.closed,
  }
}

const NONE: readonly Closing[] = []

/** The rules by which this caller's unit closes now, the endpoint having served `traffic` requests. */
export function dueClosings(caller: OpenCaller, traffic: number, rule: ClosingRule): readonly Closing[] {
  const { errors, requests, firstSeen, closed } = caller
  if (closed.length === CLOSINGS.length) return NONE
  const age = traffic - firstSeen
  if (errors === 0 && requests < rule.requests && age < rule.wholeSpan) return NONE
  const full = requests >= rule.requests
  return CLOSINGS.filter((closing) => {
    if (closed.includes(closing)) return false
    if (full) return true
    if (closing === 'whole') return age >= rule.wholeSpan
    return (errors > 0 && requests < rule.earlyRequests) || age >= rule.span
  })
}

/** Closes the caller's unit by the given rules: its units for the tests, and the caller as it goes on. */
export function close(caller: OpenCaller, closings: readonly Closing[]): { caller: OpenCaller; units: CallerUnit[] } {
  const { assignedCandidate, rho, errors, requests, expectedErrors } = caller
  return {
    caller: { ...caller, closed: [...caller.closed, ...closings] },
    units: closings.map((closing) => ({ closing, assignedCandidate, rho, errors, requests, expectedErrors })),
  }
}

/** Every rule that has not closed yet: what a change of the weight closes. */
export function remainingClosings(caller: OpenCaller): readonly Closing[] {
  return CLOSINGS.filter((closing) => !caller.closed.includes(closing))
}

/**
 * ρ of a caller's next toss: callers are hashed to a bucket once, so when the weight rises from `before` to `after` a caller
 * that was on the champion moves with this probability. One already on the candidate is not tossed again and must not
 * contribute again; one never seen before has ρ = `after`.
 */
export function conditionalShare(before: number, after: number): number {
  return after <= before ? 0 : (after - before) / (1 - before)
}

/** The endpoint's recent error rate, both arms together; plain, to be stored as JSON. */
export interface TrafficRate {
  errors: number
  requests: number
}

/** Requests over which the rate is remembered. */
const MEMORY_REQUESTS = 2_000
/** Worth, in requests' errors, of the rate expected before any was seen. */
const PRIOR_ERRORS = 1

/** The rate expected before traffic (0–1), worth one error. */
export function expectTraffic(expectedRate: number): TrafficRate {
  const rate = Math.min(0.5, Math.max(1e-6, expectedRate))
  return { errors: PRIOR_ERRORS, requests: PRIOR_ERRORS / rate }
}

/** The rate after further requests of the endpoint, whichever arm served them. */
export function withTraffic(rate: TrafficRate, errors: number, requests: number): TrafficRate {
  const keep = requests === 1 ? 1 - 1 / MEMORY_REQUESTS : (1 - 1 / MEMORY_REQUESTS) ** requests
  return { errors: rate.errors * keep + errors, requests: rate.requests * keep + requests }
}
