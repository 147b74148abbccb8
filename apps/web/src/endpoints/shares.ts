import type { RolloutListItem } from '@tidemark/contracts'

/** A version on trial, as `films/3`, and its share of the callers. */
export interface Share {
  readonly version: string
  readonly weightPercent: number
}

/** The versions that a rollout tries, each with its share; the champion has the rest. */
export function onTrial({ model, version, state }: Pick<RolloutListItem, 'model' | 'version' | 'state'>): Share[] {
  if (state.kind === 'ab')
    return state.weights.map((each) => ({ version: `${model}/${each.version}`, weightPercent: each.weightPercent }))
  return [{ version: `${model}/${version}`, weightPercent: state.kind === 'canary' ? state.weightPercent : 0 }]
}
