const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** 12,412 as "12.4k"; below a thousand exactly. The exact number belongs in the title. */
export function shortNumber(value: number): string {
  return Math.abs(value) < 1000 ? trimmed(value) : compact.format(value).toLowerCase()
}

export function exactNumber(value: number): string {
  return Number.isInteger(value) ? whole.format(value) : String(value)
}

/** Four significant digits, no trailing zeros: what a table shows of a metric. */
export function trimmed(value: number): string {
  if (Number.isInteger(value)) return whole.format(value)
  const size = Math.abs(value)
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(2)
  return Number(value.toPrecision(4)).toString()
}

/** 1536 bytes as "1.5 kB" (powers of ten). */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let size = value
  let unit = 0
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${size >= 10 || unit === 0 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`
}

/** 74.2 seconds as "1 min 14 s". */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' })
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** "3 min ago"; the exact time belongs in the title. */
export function timeAgo(at: Date, now: Date = new Date()): string {
  const seconds = (at.getTime() - now.getTime()) / 1000
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? (['second', 1] as const)
  return relative.format(Math.round(seconds / size), unit)
}

/** Event time is a fact of the data: shown in UTC, as a date. */
export function day(at: string | Date): string {
  return (typeof at === 'string' ? new Date(at) : at).toISOString().slice(0, 10)
}

/** "March 2004", for windows of a month. */
export function month(at: string): string {
  return new Date(at).toLocaleDateString('en', { month: 'short', year: 'numeric', timeZone: 'UTC' })
}
