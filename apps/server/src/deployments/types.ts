import type { EndpointPolicy, InputColumn, ModelInput, Runtime } from '@tidemark/contracts'
import type { Queryable } from '../platform/index.ts'
import type { RegistryModule } from '../registry/index.ts'

/** An endpoint as its owner declared it, with the version that answers. */
export interface Endpoint {
  readonly workspace: string
  readonly name: string
  readonly model: string
  readonly championVersion: number
  readonly state: 'preparing' | 'serving' | 'broken'
  readonly problem: string | null
  readonly replay: boolean
  readonly policy: EndpointPolicy
  /** Empty unless the input is by columns. */
  readonly columns: readonly InputColumn[]
  readonly input: ModelInput
  readonly createdAt: Date
}

/** How two versions differed on a holdout: what a rollout may expect before it starts. */
export interface Comparison {
  /** Mean |candidate − champion| of the predictions. */
  readonly meanPredictionGap: number
  readonly labelRange: { readonly low: number; readonly high: number }
}

/** What rollouts need of other modules. */
export interface DeploymentPorts {
  readonly registry: {
    readonly inputOf: RegistryModule['inputOf']
  }
  readonly evaluation: {
    runtime(db: Queryable, workspace: string, model: string, version: number): Promise<Runtime | null>
    comparison(
      db: Queryable,
      workspace: string,
      model: string,
      version: number,
      champion: number,
    ): Promise<Comparison | null>
  }
}
