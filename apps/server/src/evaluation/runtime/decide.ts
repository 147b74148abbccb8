import type { RuntimeVerdict } from '@tidemark/contracts'
import type { ParityVerdict } from './parity.ts'

/** What the conversion and its check came to. */
export type Conversion =
  | { readonly kind: 'not_converted'; readonly reason: string }
  | { readonly kind: 'not_comparable'; readonly reason: string; readonly parityRows: number }
  | {
      readonly kind: 'compared'
      readonly verdict: ParityVerdict
      readonly tolerance: number
      readonly parityRows: number
      /** What each compared row is for, as in `missing Budget`, to say where the runtimes part. */
      readonly kinds: readonly string[]
    }

/** Where a version runs: in ONNX only when it says there what it says in Python. */
export function decideRuntime(conversion: Conversion): RuntimeVerdict {
  const python = { kind: 'python' as const, maxAbsoluteDifference: null, tolerance: null, parityRows: 0 }
  switch (conversion.kind) {
    case 'not_converted':
      return { ...python, sentence: `It runs in Python: ${conversion.reason}` }
    case 'not_comparable':
      return { ...python, parityRows: conversion.parityRows, sentence: `It runs in Python: ${conversion.reason}` }
    case 'compared': {
      const { verdict, tolerance, parityRows, kinds } = conversion
      if ('error' in verdict) {
        return {
          ...python,
          tolerance,
          parityRows,
          sentence: `It runs in Python: as ONNX it does not run (${verdict.error})`,
        }
      }
      const numbers = { maxAbsoluteDifference: verdict.maxAbsoluteDifference, tolerance, parityRows }
      const difference = verdict.maxAbsoluteDifference.toExponential(1)
      const within = `largest difference ${difference} over ${parityRows} rows, allowed ${tolerance.toExponential(1)}`
      if (verdict.ok) return { kind: 'onnx', ...numbers, sentence: `It runs as ONNX: ${within}` }
      const worst = kinds[verdict.worst[0]?.row ?? -1]
      const where = worst ? `, worst on a row of "${worst}"` : ''
      return {
        kind: 'python',
        ...numbers,
        sentence: `It runs in Python: as ONNX it answers otherwise (${within}${where})`,
      }
    }
  }
}
