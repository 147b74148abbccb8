/** Exact inference on counts of yes and no: intervals of one share, comparison of two. */
import { betaQuantile, logHypergeometric } from './distributions.ts'

export interface Interval {
  lower: number
  upper: number
}

/**
 * Clopper–Pearson interval of a share: covers the true one with at least `confidence` (two-sided).
 *
 * Paper: Clopper & Pearson, Biometrika 26 (1934). Worked value: 5 of 20 at 95 % gives 0.0866 … 0.4910 (scipy beta.ppf).
 */
export function shareInterval(hits: number, trials: number, confidence = 0.95): Interval {
  const tail = (1 - confidence) / 2
  return {
    lower: hits === 0 ? 0 : betaQuantile(tail, hits, trials - hits + 1),
    upper: hits >= trials ? 1 : betaQuantile(1 - tail, hits + 1, trials - hits),
  }
}

export interface ShareComparison {
  /** Share in the window minus share in the reference. */
  difference: number
  pValue: number
}

/**
 * Fisher's exact test that two samples share one rate (used for missing values).
 *
 * H0: the window's rows are exchangeable with the reference's. Exact at any size, conditional on the total of hits.
 * `two-sided` sums all tables no likelier than the seen one, as scipy does: 7 of 45 against 30 of 1,500 gives 5.8846e-5.
 */
export function compareShares(
  window: { hits: number; total: number },
  reference: { hits: number; total: number },
  alternative: 'two-sided' | 'more' | 'fewer' = 'two-sided',
): ShareComparison {
  const drawn = window.total
  const population = drawn + reference.total
  const marked = window.hits + reference.hits
  const difference = rate(window) - rate(reference)
  if (drawn === 0 || reference.total === 0 || marked === 0 || marked === population) return { difference, pValue: 1 }
  const lowest = Math.max(0, drawn + marked - population)
  const highest = Math.min(drawn, marked)
  const seen = logHypergeometric(window.hits, population, marked, drawn)
  // Tables whose probability differs from the seen one only by rounding count as equally likely (as in R and scipy).
  const limit = seen + 1e-7
  let sum = 0
  let logProbability = logHypergeometric(lowest, population, marked, drawn)
  for (let k = lowest; k <= highest; k += 1) {
    const counts =
      alternative === 'more' ? k >= window.hits : alternative === 'fewer' ? k <= window.hits : logProbability <= limit
    if (counts) sum += Math.exp(logProbability)
    logProbability += Math.log(((marked - k) * (drawn - k)) / ((k + 1) * (population - marked - drawn + k + 1)))
  }
  return { difference, pValue: Math.min(1, sum) }
}

function rate(sample: { hits: number; total: number }): number {
  return sample.total === 0 ? 0 : sample.hits / sample.total
}
