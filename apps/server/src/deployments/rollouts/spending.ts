import type { RolloutPolicy } from '@tidemark/contracts'
import { comesBackAt, nextAlpha } from '@tidemark/statistics'
import type { GivenAlpha } from './store.ts'

/** What a rollout may spend of its endpoint's year: α, or until when there is none. Times in milliseconds. Pure. */
export type Allowance = { readonly alpha: number } | { readonly noneUntil: number }

/**
 * The α of a rollout that begins at `now`, given those that began before: its policy's own, or under a budget for the year at most half of what
 * those have left that began under one too.
 */
export function allowanceOf(
  { alpha, alphaPerYear }: Pick<RolloutPolicy, 'alpha' | 'alphaPerYear'>,
  before: readonly GivenAlpha[],
  now: number,
): Allowance {
  if (alphaPerYear === null) return { alpha }
  const spent = before.filter(({ budgeted }) => budgeted)
  const allowed = nextAlpha({ perRollout: alpha, perYear: alphaPerYear }, spent, now)
  if (allowed > 0) return { alpha: allowed }
  const recent = spent.map(comesBackAt).filter((at) => at > now)
  return { noneUntil: Math.min(...recent) }
}

/** What a rollout was given, and those together that began within the year before it. */
export function spendingOf(
  rollout: { readonly id: string; readonly policy: Pick<RolloutPolicy, 'alpha' | 'alphaPerYear'> },
  all: readonly GivenAlpha[],
) {
  const { alpha, alphaPerYear } = rollout.policy
  const place = all.findIndex((each) => each.rollout === rollout.id)
  const began = all[place]?.beganAt ?? Number.POSITIVE_INFINITY
  const before = (place < 0 ? all : all.slice(0, place)).filter(
    (each) => began < comesBackAt(each) && (alphaPerYear === null || each.budgeted),
  )
  return {
    alpha,
    alphaPerYear,
    rolloutsBefore: before.length,
    spentBefore: before.reduce((sum, each) => sum + each.alpha, 0),
  }
}
