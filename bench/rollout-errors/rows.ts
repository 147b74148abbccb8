/** What the counts of an experiment amount to: rows with intervals, goals and verdicts. */
import { type Interval, shareInterval } from '@tidemark/statistics'
import { ALPHA } from './canary.ts'
import type { Tally } from './measure.ts'
import type { Experiment } from './scenarios.ts'

/** One line of the benchmark's result. */
export interface Row {
  claim: string
  /** What the same simulation says of the peer; null: no peer. */
  peer: number | null
  ours: number
  unit: string
  ratio: number | null
  goal: string
  met: boolean | null
  /** 95 % interval (Clopper–Pearson) of our share, in per cent. */
  interval?: Interval
}

const PEERS = { zTest: 'peeked z-test', threshold: 'thresholds', eProcess: 'request-wise e-process' } as const

/** The rows that an experiment's counts amount to. */
export function rowsOf({ name, plan, shows }: Experiment, tally: Tally): Row[] {
  const times = (who: string): number[] => tally.spoke[who] ?? []
  const shareRow = (claim: string, who: string, peer: string | null, goal: string, met: boolean | null): Row => {
    const ours = times(who).length
    const { lower, upper } = shareInterval(ours, tally.runs)
    const theirs = peer === null ? null : times(peer).length
    return {
      claim,
      peer: theirs === null ? null : (100 * theirs) / tally.runs,
      ours: (100 * ours) / tally.runs,
      unit: '% of runs',
      ratio: theirs === null || theirs === 0 ? null : ours / theirs,
      goal,
      met,
      interval: { lower: 100 * lower, upper: 100 * upper },
    }
  }
  const peers = Object.entries(PEERS).filter(([who]) => tally.spoke[who] !== undefined)
  const atMostAlpha = (who: string): boolean => shareInterval(times(who).length, tally.runs).lower <= ALPHA

  switch (shows.kind) {
    case 'false rollbacks':
      return peers.map(([who, peer]) =>
        shareRow(`healthy, ${name}: rolled back (peer: ${peer})`, 'rollback', who, '≤ 5', atMostAlpha('rollback')),
      )
    case 'false promotions':
      // The peer reads labels as they come instead of at one age.
      return [
        shareRow(
          `worse than the margin, ${name}: accepted${shows.asCome === undefined ? '' : ' (peer: labels as they come)'}`,
          shows.by,
          shows.asCome ?? null,
          '≤ 5',
          atMostAlpha(shows.by),
        ),
      ]
    case 'promotions':
      return [shareRow(`${name}`, shows.by, null, '', null)]
    case 'power': {
      const { by, least, mostRequests, margin } = shows
      const found = shareRow(
        `${name}: found (peer: request-wise e-process)`,
        by,
        tally.spoke.eProcess === undefined ? null : 'eProcess',
        least === undefined ? '' : `≥ ${100 * least}`,
        least === undefined ? null : shareInterval(times(by).length, tally.runs).upper >= least,
      )
      const ours = mean(times(by))
      const theirs = tally.spoke.eProcess === undefined ? null : mean(times('eProcess'))
      const requests: Row = {
        claim: `${name}: mean until found`,
        peer: theirs,
        ours,
        unit: 'requests',
        ratio: theirs === null ? null : ours / theirs,
        goal: mostRequests === undefined ? '' : `≤ ${mostRequests}`,
        met: mostRequests === undefined ? null : ours <= mostRequests,
      }
      return margin === undefined || plan.strategy !== 'canary'
        ? [found, requests]
        : [found, requests, fixedSampleRow(name, margin, plan.lookEvery, times(by), tally)]
    }
  }
}

/** Requests by which 90 % of runs have found it, beside those that a test of one look needs to find it in 90 %. */
function fixedSampleRow(name: string, margin: number, lookEvery: number, found: readonly number[], tally: Tally): Row {
  const look = tally.fixedSample.findIndex((count) => count >= 0.9 * tally.runs)
  const peer = look < 0 ? null : (look + 1) * lookEvery
  const needed = Math.ceil(0.9 * tally.runs)
  const ours = found.toSorted((a, b) => a - b)[needed - 1] ?? Number.POSITIVE_INFINITY
  const ratio = peer === null ? null : ours / peer
  return {
    claim: `${name}: until 90 % found (peer: one look of a caller-clustered test)`,
    peer,
    ours,
    unit: 'requests',
    ratio,
    goal: `≤ ${margin}×`,
    // A tenth of few runs says too little.
    met: tally.runs < 500 ? null : ratio !== null && ratio <= margin,
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
