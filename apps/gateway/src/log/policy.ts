import type { LogRecord } from '@tidemark/contracts'
import type { Texts } from './line.ts'
import { type LoggedPolicy, redact, strictest } from './redact.ts'
import type { PredictionLog } from './segments.ts'

/** What became of a record: `unlogged` only where the endpoint's policy prefers an answer without a record to none. */
export type Kept = 'logged' | 'unlogged'

export interface PolicyLogParts {
  readonly log: PredictionLog
  /** The policy of an endpoint as it is served now; undefined: everything is kept as it came; null: it is served no more. */
  readonly policyOf: (workspace: string, endpoint: string) => LoggedPolicy | undefined | null
  /** Key of the installation, hex; null before a snapshot brought it. */
  readonly key: () => string | null
  readonly onUnlogged: (record: LogRecord, error: unknown) => void
}

/** The prediction log as the endpoints' policies want it: sensitive values never reach the disk, and a disk that takes nothing is never passed over in silence. */
export class PolicyLog {
  private readonly parts: PolicyLogParts

  constructor(parts: PolicyLogParts) {
    this.parts = parts
  }

  /**
   * Resolves when the record is in the log, or when the policy says to go on without.
   * @throws what write(2) failed with, under the policy `refuse`; the answer must then not leave
   */
  async append(record: LogRecord, texts?: Texts, alone = false): Promise<Kept> {
    const { log, policyOf, key, onUnlogged } = this.parts
    const served = policyOf(record.workspace, record.endpoint)
    // Asked before its endpoint was taken away, as what waits to be mirrored.
    const policy = served === null ? strictest(record) : served
    try {
      const kept = redact(record, policy, key())
      // What the policy changed is not what the texts say.
      await log.append(kept, kept === record ? texts : undefined, alone)
      return 'logged'
    } catch (error) {
      // A mirror is evidence, not an answer: nobody waits for it, and it is asked again.
      if (policy?.unwritable !== 'serve_unlogged' || record.kind !== 'answer') throw error
      onUnlogged(record, error)
      return 'unlogged'
    }
  }
}
