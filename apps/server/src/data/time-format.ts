const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const FULL_MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]

const PATTERNS: Readonly<Record<string, string>> = {
  Y: '(?<Y>[0-9]{4})',
  m: '(?<m>[0-9]{1,2})',
  d: '(?<d>[0-9]{1,2})',
  b: '(?<b>[A-Za-z]{3})',
  B: '(?<B>[A-Za-z]+)',
  H: '(?<H>[0-9]{1,2})',
  M: '(?<M>[0-9]{1,2})',
  S: '(?<S>[0-9]{1,2})',
}

/**
 * Makes a reader of one date format: `iso`, or strptime's %Y %m %d %b %B %H %M %S; times without an offset are UTC.
 * @returns the instant, or null for text that is not of the format or no day of the calendar (`Feb 30 2001`).
 * @throws Error for letters that it does not know.
 * @example timeReader('%b %d %Y')('Jun 12 1998') // 1998-06-12T00:00:00.000Z
 */
export function timeReader(format: string): (text: string) => Date | null {
  if (format === 'iso') return readIso
  const pattern = format.replace(/%(.)|([^%]+)/g, (_, letter: string | undefined, literal: string | undefined) => {
    if (literal !== undefined) return literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    const part = PATTERNS[letter ?? '']
    if (!part) throw new Error(`The date format "${format}" has %${letter}; known are %Y %m %d %b %B %H %M %S.`)
    return part
  })
  const expression = new RegExp(`^${pattern}$`)
  return (text) => {
    const parts = expression.exec(text.trim())?.groups
    if (!parts) return null
    const month = monthOf(parts)
    if (month === null) return null
    return calendarTime([
      Number(parts.Y ?? 1970),
      month,
      Number(parts.d ?? 1),
      Number(parts.H ?? 0),
      Number(parts.M ?? 0),
      Number(parts.S ?? 0),
    ])
  }
}

function monthOf(parts: Readonly<Record<string, string | undefined>>): number | null {
  if (parts.m !== undefined) return Number(parts.m) - 1
  const short = parts.b?.toLowerCase()
  const long = parts.B?.toLowerCase()
  const index = short !== undefined ? MONTHS.indexOf(short) : long !== undefined ? FULL_MONTHS.indexOf(long) : 0
  return index < 0 ? null : index
}

/** Null when a part overflows, as 30 February does: `Date.UTC` would silently make it 1 March. */
function calendarTime(
  parts: [year: number, month: number, day: number, hour: number, minute: number, second: number],
): Date | null {
  const [year, month, day, hour, minute, second] = parts
  const date = new Date(Date.UTC(year, month, day, hour, minute, second))
  const kept =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second
  return kept ? date : null
}

function readIso(text: string): Date | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(
    text.trim(),
  )
  if (!match) return null
  const part = (index: number) => Number(match[index] ?? 0)
  const base = calendarTime([part(1), part(2) - 1, part(3), part(4), part(5), part(6)])
  if (base === null) return null
  const zone = match[8]
  const offsetMinutes =
    zone === undefined || zone === 'Z'
      ? 0
      : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6)))
  return new Date(base.getTime() + Math.round(part(7) * 1000) - offsetMinutes * 60_000)
}
