// Version 00 of the W3C trace context; a later version may go on behind it.
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/

/** The trace id of a `traceparent` header; null when there is none, or one that must be ignored (W3C Trace Context, 3.2.2). */
export function traceOf(header: string | string[] | undefined): string | null {
  if (typeof header !== 'string') return null
  const match = TRACEPARENT.exec(header)
  const [, trace, parent] = match ?? []
  if (!trace || /^0+$/.test(trace) || !parent || /^0+$/.test(parent)) return null
  return trace
}
