/** A deterministic source of uniform numbers in [0, 1) with 53 random bits. */
export type Uniform = () => number

/**
 * A seeded generator (sfc32 of PractRand, 128 bits of state): the same seed always gives the same stream, so a Monte Carlo
 * p-value is a function of its data alone and a past decision can be replayed.
 */
export function seededUniform(seed: number): Uniform {
  let a = 0x9e3779b9 | 0
  let b = 0x243f6a88 | 0
  let c = seed | 0
  let d = Math.floor(seed / 2 ** 32) | 1
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let warmUp = 0; warmUp < 16; warmUp += 1) next()
  return () => ((next() >>> 5) * 67_108_864 + (next() >>> 6)) / 9_007_199_254_740_992
}
