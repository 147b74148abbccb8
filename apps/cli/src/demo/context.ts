import type { api, Client } from '@tidemark/contracts'
import type { Story } from './story.ts'
import type { Traffic } from './traffic.ts'

/** The platform that the demo drives, as any client would: by its API and its gateway. */
export interface Platform {
  readonly client: Client<typeof api>
  readonly url: string
  readonly gatewayUrl: string
}

export interface DemoContext {
  readonly platform: Platform
  readonly story: Story
  readonly traffic: Traffic
  /** The example's folder. */
  readonly folder: string
  /** Root of the clone. */
  readonly root: string
}

/** Something that must hold at the end, with what was seen. */
export interface Invariant {
  readonly text: string
  readonly holds: boolean
}
