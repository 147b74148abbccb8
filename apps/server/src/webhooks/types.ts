/** What can be asked to be told, by entity, with the actions that there are: MLflow 3.17's list. */
export const ACTIONS = {
  registered_model: ['created'],
  model_version: ['created'],
  model_version_tag: ['deleted', 'set'],
  model_version_alias: ['created', 'deleted'],
  prompt: ['created'],
  prompt_version: ['created'],
  prompt_tag: ['deleted', 'set'],
  prompt_version_tag: ['deleted', 'set'],
  prompt_alias: ['created', 'deleted'],
  // Accepted, as MLflow accepts it; nothing here has budgets, so it never comes.
  budget_policy: ['exceeded'],
} as const

/** `registered_model.created` and the like. */
export type Topic = { [E in keyof typeof ACTIONS]: `${E}.${(typeof ACTIONS)[E][number]}` }[keyof typeof ACTIONS]

export interface Webhook {
  readonly id: string
  readonly workspace: string
  readonly name: string
  readonly description: string
  readonly url: string
  readonly topics: readonly Topic[]
  readonly active: boolean
  /** Sealed. */
  readonly secret: Buffer | null
  readonly createdMs: number
  readonly updatedMs: number
}

/** What is told: the topic, and the payload that MLflow's receivers know. */
export interface Message {
  readonly topic: Topic
  readonly data: Readonly<Record<string, unknown>>
}

export type DeliveryState = 'waiting' | 'delivered' | 'failed' | 'dropped'

export interface Delivery {
  readonly id: string
  readonly event: string
  readonly state: DeliveryState
  readonly attempts: number
  /** Of the last answer; null when there was none. */
  readonly status: number | null
  readonly problem: string | null
  readonly response: string | null
  readonly createdAt: Date
  readonly finishedAt: Date | null
}

/** How one attempt ended. */
export type Attempt =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly body: string
      readonly retryAfterSeconds: number | null
    }
  /** The address is not one that may be called: trying again would not help. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string }
