/** The money that several bets on one question have together, each having started with a part of it. */

/** Evidence of an always-valid test, as decisions read it. */
export interface AlwaysValid {
  /** Evidence against H0 now; ≥ 1/α rejects at level α, at any time, under any stopping. */
  eValue: number
  /** The largest so far: what an α-level decision may rest on. */
  highestEValue: number
  /** Always-valid p-value, 1 / highestEValue, at most 1. */
  pValue: number
}

/** Reads evidence from the logarithms of the wealth now and of the largest wealth so far. */
export function alwaysValid(logWealth: number, highestLogWealth: number): AlwaysValid {
  const highestEValue = Math.exp(highestLogWealth)
  return { eValue: Math.exp(logWealth), highestEValue, pValue: Math.min(1, 1 / highestEValue) }
}

/** Logarithm of the mean of e^value: of the wealth of bets that started with equal parts. */
export function logMeanExp(values: readonly number[]): number {
  const highest = Math.max(...values)
  let sum = 0
  for (const value of values) sum += Math.exp(value - highest)
  return highest + Math.log(sum / values.length)
}
