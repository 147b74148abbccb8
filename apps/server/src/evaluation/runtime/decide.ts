import type { JsonValue, RuntimeVerdict } from '@tidemark/contracts'
import type { ParityVerdict } from './parity.ts'

/** A row that was compared: what it is for, what it holds, and what Python said. */
export interface ComparedRow {
  readonly kind: string
  readonly row: Readonly<Record<string, JsonValue>>
  /** null: Python refuses it. */
  readonly expected: JsonValue
}

/** What the conversion and its check came to. */
export type Conversion =
  | { readonly kind: 'not_converted'; readonly reason: string }
  | { readonly kind: 'not_comparable'; readonly reason: string; readonly parityRows: number }
  | {
      readonly kind: 'compared'
      readonly verdict: ParityVerdict
      readonly compared: NonNullable<RuntimeVerdict['compared']>
      readonly tolerance: number
      readonly rows: readonly ComparedRow[]
      readonly onnxDigest: string
    }

/** Kinds of rows that really occurred. */
const REAL: ReadonlySet<string> = new Set(['example', 'sample'])

/** Where a version runs: in ONNX only when it says there what it says in Python. */
export function decideRuntime(conversion: Conversion, modelDigest: string | null): RuntimeVerdict {
  const python = {
    kind: 'python' as const,
    maxAbsoluteDifference: null,
    tolerance: null,
    parityRows: 0,
    compared: null,
    realRows: 0,
    mismatches: 0,
    ties: 0,
    worst: [],
    modelDigest,
    onnxDigest: null,
  }
  switch (conversion.kind) {
    case 'not_converted':
      return { ...python, sentence: `It runs in Python: ${conversion.reason}` }
    case 'not_comparable':
      return { ...python, parityRows: conversion.parityRows, sentence: `It runs in Python: ${conversion.reason}` }
    case 'compared': {
      const { verdict, tolerance, compared, rows, onnxDigest } = conversion
      const known = {
        tolerance,
        compared,
        parityRows: rows.length,
        realRows: rows.filter(({ kind }) => REAL.has(kind)).length,
        onnxDigest,
      }
      if ('error' in verdict) {
        return { ...python, ...known, sentence: `It runs in Python: as ONNX it does not run (${verdict.error})` }
      }
      const { maxAbsoluteDifference, mismatches, ties } = verdict
      const worst = verdict.worst.flatMap(({ row, got, difference }) => {
        const compare = rows[row]
        return compare ? [{ ...compare, got, difference }] : []
      })
      const numbers = { ...python, ...known, maxAbsoluteDifference, mismatches, ties, worst }
      const within = `largest difference ${maxAbsoluteDifference.toExponential(1)} over ${rows.length} rows, allowed ${tolerance.toExponential(1)}`
      if (verdict.ok) return { ...numbers, kind: 'onnx', sentence: `It runs as ONNX: ${within}${tied(ties)}` }
      const [first] = worst
      const where = first ? `, worst on a row of "${first.kind}"` : ''
      const differ = `${mismatches} of ${rows.length} rows differ`
      const how =
        compared === 'labels' ? differ : maxAbsoluteDifference > tolerance ? within : `${differ}, not by numbers`
      return { ...numbers, sentence: `It runs in Python: as ONNX it answers otherwise (${how}${where})` }
    }
  }
}

function tied(ties: number): string {
  return ties === 0 ? '' : `, ${ties} exact ${ties === 1 ? 'tie' : 'ties'} apart`
}
