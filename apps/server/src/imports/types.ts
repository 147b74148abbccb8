import type { ImportCount } from '@tidemark/contracts'

export interface ImportRow {
  readonly id: string
  readonly source: string
  readonly state: 'running' | 'finished'
  readonly startedAt: Date
  readonly finishedAt: Date | null
  readonly counts: readonly ImportCount[]
}

/** One thing that came in, by its id at the source. */
export interface Item {
  readonly id: string
  /** Its id here. */
  readonly as: string
  readonly stamp: string
  readonly digest: string
  /** Joined with what was here, or good before its source changed: it may differ from its source without a fault. */
  readonly joined: boolean
  /** Read back and found equal. */
  readonly checked: boolean
}
