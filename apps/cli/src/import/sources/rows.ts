import type { Pair } from '../source.ts'
import type { Value } from './tables.ts'

/** Rows by their first column, which is left out of them. */
export function grouped(rows: readonly Value[][]): Map<string, Value[][]> {
  const groups = new Map<string, Value[][]>()
  for (const [key, ...rest] of rows) {
    const group = groups.get(String(key))
    if (group) group.push(rest)
    else groups.set(String(key), [rest])
  }
  return groups
}

/** Rows of key and value. */
export function pairsOf(rows: readonly Value[][] | undefined): Pair[] {
  return (rows ?? []).map(([key, value]) => ({ key: text(key), value: text(value) }))
}

/** Text; what is null in MLflow's tables is empty in its answers. */
export function text(value: Value | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}

export function textOrNull(value: Value | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}

export function milliseconds(value: Value | undefined): number {
  return Number(value ?? 0)
}
