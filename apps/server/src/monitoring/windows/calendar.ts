import type { MonitoringPolicy } from '@tidemark/contracts'

export interface Span {
  readonly from: Date
  /** Exclusive. */
  readonly to: Date
}

/** The window that an event time falls into: whole UTC days, weeks from Monday, months, quarters. */
export function windowOf(eventTime: number, length: MonitoringPolicy['window']): Span {
  const at = new Date(eventTime)
  const year = at.getUTCFullYear()
  const month = at.getUTCMonth()
  const day = at.getUTCDate()
  switch (length) {
    case 'day':
      return { from: new Date(Date.UTC(year, month, day)), to: new Date(Date.UTC(year, month, day + 1)) }
    case 'week': {
      const monday = day - ((at.getUTCDay() + 6) % 7)
      return { from: new Date(Date.UTC(year, month, monday)), to: new Date(Date.UTC(year, month, monday + 7)) }
    }
    case 'month':
      return { from: new Date(Date.UTC(year, month, 1)), to: new Date(Date.UTC(year, month + 1, 1)) }
    case 'quarter': {
      const first = month - (month % 3)
      return { from: new Date(Date.UTC(year, first, 1)), to: new Date(Date.UTC(year, first + 3, 1)) }
    }
  }
}

/** `2003-07` for windows of a month or more, else the day: how sentences name a time. */
export function nameOfTime(at: Date, length: MonitoringPolicy['window']): string {
  const iso = at.toISOString()
  return length === 'month' || length === 'quarter' ? iso.slice(0, 7) : iso.slice(0, 10)
}

/** Quarters since year 0: to tell whether a later one has begun. */
export function quarterOf(at: Date): number {
  return at.getUTCFullYear() * 4 + Math.floor(at.getUTCMonth() / 3)
}
