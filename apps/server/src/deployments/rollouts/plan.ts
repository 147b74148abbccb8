import { CanaryStep, type RolloutPolicy } from '@tidemark/contracts'

/** What the shadow must have seen, and the steps after it. Blue-green is one large step; a shadow alone has none. */
export interface Plan {
  readonly minEntities: number
  readonly steps: readonly CanaryStep[]
}

/** The way that a strategy goes with one version. Pure. */
export function planOf(policy: RolloutPolicy): Plan {
  const { minEntities } = policy.shadow
  switch (policy.strategy) {
    case 'canary':
      return { minEntities, steps: policy.canary }
    case 'blue_green': {
      const { holdbackPercent, keepWarmHours } = policy.blueGreen
      const step = CanaryStep.parse({ weightPercent: 100 - holdbackPercent, minCallers: 0, minHours: keepWarmHours })
      // Warm is enough: what it answers is judged after the switch.
      return { minEntities: 0, steps: [step] }
    }
    case 'shadow':
      return { minEntities, steps: [] }
    case 'ab':
      return { minEntities: 0, steps: [] }
  }
}
