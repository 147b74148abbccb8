/** Callers as a film site has them: a few send most of the traffic, and each has an error rate and a speed of its own. */
import type { Uniform } from '@tidemark/statistics'

export interface Population {
  /** Chance (0–1) that a request of this caller fails under the champion before the base rate moves. */
  ownRate: Float64Array
  /** Position of each caller in the hash ring, 0–1: on the candidate when below the weight. */
  bucket: Float64Array
  /** Draws the caller of the next request. */
  nextCaller: () => number
}

/** `size` callers with Pareto(1.5) traffic and own error rates from a Beta whose standard deviation equals its mean. */
export function drawPopulation(uniform: Uniform, size: number, meanRate: number): Population {
  const traffic = Float64Array.from({ length: size }, () => (1 - uniform()) ** (-1 / 1.5))
  const concentration = (1 - meanRate) / meanRate - 1
  const ownRate = Float64Array.from({ length: size }, () =>
    beta(uniform, meanRate * concentration, (1 - meanRate) * concentration),
  )
  const bucket = Float64Array.from({ length: size }, uniform)
  return { ownRate, bucket, nextCaller: aliasSampler(uniform, traffic) }
}

/** Each request a caller of its own, all alike: what textbooks assume. */
export function independentRequests(uniform: Uniform, requests: number, rate: number): Population {
  let next = -1
  return {
    ownRate: new Float64Array(requests).fill(rate),
    bucket: Float64Array.from({ length: requests }, uniform),
    nextCaller: () => {
      next += 1
      return next
    },
  }
}

/** Walker's alias method, so that a draw costs one uniform whatever the tails: its whole part names the place. */
export function aliasSampler(uniform: Uniform, weights: Float64Array): () => number {
  const size = weights.length
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const keep = weights.map((weight) => (weight * size) / total)
  const alias = new Int32Array(size)
  const small: number[] = []
  const large: number[] = []
  for (const [index, share] of keep.entries()) (share < 1 ? small : large).push(index)
  while (small.length > 0 && large.length > 0) {
    const under = small.pop() ?? 0
    const over = large.at(-1) ?? 0
    alias[under] = over
    keep[over] = (keep[over] ?? 0) - (1 - (keep[under] ?? 0))
    if ((keep[over] ?? 0) < 1) small.push(large.pop() ?? 0)
  }
  for (const index of [...small, ...large]) keep[index] = 1
  return () => {
    const drawn = uniform() * size
    const place = Math.floor(drawn)
    return drawn - place < (keep[place] ?? 1) ? place : (alias[place] ?? place)
  }
}

/** A standard normal number by Box and Muller (1958), from two uniform ones. */
export function gaussian(uniform: Uniform): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

function beta(uniform: Uniform, a: number, b: number): number {
  const x = gamma(uniform, a)
  return x / (x + gamma(uniform, b))
}

/** Marsaglia & Tsang (2000); shapes below 1 by the usual power of a uniform. */
function gamma(uniform: Uniform, shape: number): number {
  if (shape < 1) return gamma(uniform, shape + 1) * (1 - uniform()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = gaussian(uniform)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}
