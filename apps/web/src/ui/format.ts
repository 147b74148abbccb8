const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** 12,412 as "12.4k"; below a thousand exactly. The exact number belongs in the title. */
export function shortNumber(value: number): string {
  return Math.abs(value) < 1000 ? trimmed(value) : compact.format(value).replace('K', 'k')
}

export function exactNumber(value: number): string {
  return Number.isInteger(value) ? whole.format(value) : String(value)
}

/** Four significant digits, no trailing zeros, whole from a thousand on: what a table shows of a metric. */
export function trimmed(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e12 || (size !== 0 && size < 0.0001)) return value.toExponential(1)
  if (size >= 1000 || Number.isInteger(value)) return whole.format(value)
  return Number(value.toPrecision(4)).toString()
}

/** A text as a sentence: it begins with a capital and ends with a stop. */
export function sentence(text: string): string {
  const trimmedText = text.trim()
  if (trimmedText === '') return ''
  // A name such as films/2 keeps its own letters.
  const begun = /^[a-z]+[\s,]/.test(trimmedText)
    ? trimmedText.charAt(0).toUpperCase() + trimmedText.slice(1)
    : trimmedText
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`
}

/** A number of a series, or a dash where there is none. */
export function shown(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : trimmed(value)
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
  if (seconds < 3600) return parts(Math.round(seconds), 60, 'min', 's')
  return parts(Math.round(seconds / 60), 60, 'h', 'min')
}

const STEPS: readonly (readonly [unit: string, seconds: number])[] = [
  ['years', 31_557_600],
  ['months', 2_629_800],
  ['days', 86_400],
  ['h', 3600],
  ['min', 60],
]

/** 74 in sixties as "1 min 14 s"; nothing after a whole one. */
function parts(value: number, size: number, large: string, small: string): string {
  const rest = value % size
  return `${Math.floor(value / size)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`
}

/** "3 min ago"; the exact time belongs in the title. */
export function timeAgo(at: Date, now: Date = new Date()): string {
  const seconds = (now.getTime() - at.getTime()) / 1000
  if (seconds < 0) return 'just now'
  const [unit, size] = STEPS.find(([, length]) => seconds >= length) ?? (['s', 1] as const)
  const count = Math.floor(seconds / size)
  return `${count} ${count === 1 && unit.length > 3 ? unit.slice(0, -1) : unit} ago`
}

/** Event time is a fact of the data: shown in UTC, as a date. */
export function day(at: string | Date): string {
  return (typeof at === 'string' ? new Date(at) : at).toISOString().slice(0, 10)
}

/** An instant in UTC to the minute, as in "2004-03-05 17:20". */
export function instant(at: string | Date): string {
  return (typeof at === 'string' ? new Date(at) : at).toISOString().slice(0, 16).replace('T', ' ')
}

/** An instant of a time axis: as a day, or to the minute where the axis is so short that a day would say nothing. */
export function instantOnAxis(at: number, axis: readonly number[]): string {
  const span = (axis.at(-1) ?? at) - (axis[0] ?? at)
  return span > 14 * 86_400_000 ? day(new Date(at)) : instant(new Date(at))
}

/** "March 2004", for windows of a month. */
export function month(at: string): string {
  return new Date(at).toLocaleDateString('en', { month: 'short', year: 'numeric', timeZone: 'UTC' })
}
