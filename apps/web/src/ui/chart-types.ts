/** Height of a chart in CSS pixels, unless it says its own. */
export const DEFAULT_HEIGHT = 220

/** One line; `null` leaves a gap. `band` is drawn around it as its uncertainty. */
export interface Series {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** A colour token without its prefix, as in `candidate`. */
  readonly color: 'champion' | 'candidate' | 'series-1' | 'series-2' | 'series-3' | 'series-4'
  readonly band?: { readonly lower: readonly (number | null)[]; readonly upper: readonly (number | null)[] }
  readonly points?: boolean
  readonly dashed?: boolean
}

export interface Threshold {
  readonly value: number
  readonly label: string
  /** A line to compare with, not one that must not be crossed. */
  readonly plain?: boolean
}

/** Something that happened at an x, drawn as a line with its name. */
export interface Moment {
  readonly x: number
  readonly label: string
  readonly tone: 'good' | 'watch' | 'harm' | 'accent'
}

export interface ChartProps {
  /** What the chart shows, in a sentence: its caption. */
  readonly caption: string
  /** Common x of all series: milliseconds since 1970 when `time`, else plain numbers. Ascending. */
  readonly x: readonly number[]
  readonly time?: boolean
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly Series[]
  readonly thresholds?: readonly Threshold[]
  readonly height?: number
  readonly moments?: readonly Moment[]
  /** Span of x that is shown; else that of the data. Charts of one span and one room stand exactly below one another. */
  readonly span?: readonly [from: number, to: number]
  /** CSS pixels kept on the right for the names of lines; else what they take. */
  readonly room?: number
  /** The y axis begins at zero: for lengths that are compared. */
  readonly fromZero?: boolean
}
