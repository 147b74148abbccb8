import type { AnswerKind, JsonValue } from '@tidemark/contracts'

/** What a runtime says of one row: its answer, with what decided it where that is known; or that it gives none. */
export type RowAnswer =
  | { readonly value: JsonValue; readonly scores?: readonly number[] | null | undefined }
  | { readonly error: string }

export type RowComparison =
  | { readonly kind: 'same'; readonly difference: number }
  /** Another label where the two best classes are exactly tied. */
  | { readonly kind: 'tie' }
  /** `difference` null: not a matter of numbers. */
  | { readonly kind: 'different'; readonly difference: number | null }

/** Two classes nearer than this are one to float32: ten times what it rounds off at one. */
const TIED = 1e-5

/** Compares one answer of a converted model with that of the model before. Where one refuses a row, the other must too. */
export function compareRow(kind: AnswerKind, tolerance: number, expected: RowAnswer, got: RowAnswer): RowComparison {
  if ('error' in expected || 'error' in got) {
    return 'error' in expected && 'error' in got
      ? { kind: 'same', difference: 0 }
      : { kind: 'different', difference: null }
  }
  if (kind === 'labels') return compareLabels(tolerance, expected, got)
  const difference = differenceOf(expected.value, got.value)
  if (difference === null || !(difference <= tolerance)) return { kind: 'different', difference }
  if (kind === 'probabilities' && bestOf(expected.value) !== bestOf(got.value)) {
    return isTied(numbersOf(expected.value)) ? { kind: 'tie' } : { kind: 'different', difference }
  }
  return { kind: 'same', difference }
}

function compareLabels(
  tolerance: number,
  expected: Extract<RowAnswer, { value: JsonValue }>,
  got: Extract<RowAnswer, { value: JsonValue }>,
): RowComparison {
  if (expected.value !== got.value) {
    return isTied(expected.scores ?? null) ? { kind: 'tie' } : { kind: 'different', difference: null }
  }
  // The probabilities behind equal labels, where both runtimes give them: a label alone hides how near the other was.
  const behind = expected.scores && got.scores ? differenceOf([...expected.scores], [...got.scores]) : 0
  return behind !== null && behind <= tolerance
    ? { kind: 'same', difference: behind }
    : { kind: 'different', difference: behind }
}

/** Largest absolute difference of two numbers, or of two lists or records of them; null when they are no numbers or not of one form. */
function differenceOf(expected: JsonValue, got: JsonValue): number | null {
  if (typeof expected === 'number' && typeof got === 'number') return Math.abs(expected - got)
  // In a record Python answers a gap by a gap.
  if (expected === null && got === null) return 0
  if (isRecord(expected) && isRecord(got)) {
    const names = Object.keys(expected)
    if (names.join('\n') !== Object.keys(got).join('\n')) return null
    return differenceOf(Object.values(expected), Object.values(got))
  }
  if (!Array.isArray(expected) || !Array.isArray(got) || expected.length !== got.length) return null
  let largest = 0
  for (const [place, value] of expected.entries()) {
    const difference = differenceOf(value, got[place] ?? null)
    if (difference === null) return null
    largest = Math.max(largest, difference)
  }
  return largest
}

function isRecord(value: JsonValue): value is Record<string, JsonValue> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function numbersOf(answer: JsonValue): readonly number[] | null {
  const value = isRecord(answer) ? Object.values(answer) : answer
  return Array.isArray(value) && value.every((part) => typeof part === 'number') ? value : null
}

function bestOf(value: JsonValue): number {
  const numbers = numbersOf(value)
  return numbers ? numbers.indexOf(Math.max(...numbers)) : 0
}

function isTied(scores: readonly number[] | null): boolean {
  if (!scores || scores.length < 2) return false
  const [best = 0, next = 0] = [...scores].sort((a, b) => b - a)
  return best - next <= TIED
}

export interface Verdict {
  readonly ok: boolean
  /** Largest difference in numbers; labels that differ have none. */
  readonly maxAbsoluteDifference: number
  readonly mismatches: number
  readonly ties: number
  /** The rows that differ most, worst first; `row` counts from 0, `got` null where the converted model gave nothing. */
  readonly worst: readonly {
    readonly row: number
    readonly got: JsonValue
    readonly difference: number | null
  }[]
}

const SHOWN = 5

/**
 * Compares all answers of a converted model with those of the model before.
 * @throws Error when there is not one expected answer for each, or none at all: nothing was shown then.
 */
export function compareAll(
  kind: AnswerKind,
  tolerance: number,
  expected: readonly RowAnswer[],
  got: readonly RowAnswer[],
): Verdict {
  if (expected.length === 0) throw new Error('There is nothing to compare.')
  if (got.length !== expected.length)
    throw new Error(`${expected.length} answers are expected, and ${got.length} came.`)
  const rows = expected.map((wanted, row) => {
    const own = got[row] ?? { error: 'no answer' }
    return { row, got: 'value' in own ? own.value : null, comparison: compareRow(kind, tolerance, wanted, own) }
  })
  const gap = ({ comparison }: (typeof rows)[number]) =>
    comparison.kind === 'tie' ? 0 : (comparison.difference ?? Number.MAX_VALUE)
  const mismatches = rows.filter(({ comparison }) => comparison.kind === 'different').length
  const numbers = rows.flatMap(({ comparison }) =>
    comparison.kind !== 'tie' && comparison.difference !== null ? [comparison.difference] : [],
  )
  return {
    ok: mismatches === 0,
    maxAbsoluteDifference: numbers.reduce((largest, value) => Math.max(largest, value), 0),
    mismatches,
    ties: rows.filter(({ comparison }) => comparison.kind === 'tie').length,
    worst: rows
      .sort((a, b) => gap(b) - gap(a))
      .slice(0, SHOWN)
      .map(({ row, got: value, comparison }) => ({
        row,
        got: value,
        difference: comparison.kind === 'tie' ? null : comparison.difference,
      })),
  }
}
