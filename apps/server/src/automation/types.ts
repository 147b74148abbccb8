import type { AutomationPolicy } from '@tidemark/contracts'
import type { Actor, Queryable } from '../platform/index.ts'

/** What automation asks of other modules. */
export interface AutomationPorts {
  endpoint(
    db: Queryable,
    workspace: string,
    name: string,
  ): Promise<{ readonly championVersion: number; readonly policy: AutomationPolicy | null } | null>
  /** Whether a rollout is under way or waits on the endpoint. */
  openRollout(db: Queryable, workspace: string, endpoint: string): Promise<boolean>
  readonly monitoring: {
    eventTime(db: Queryable, workspace: string, endpoint: string): Promise<Date | null>
    openFaults(db: Queryable, workspace: string, endpoint: string): Promise<readonly string[]>
    thingsPerDay(db: Queryable, workspace: string, endpoint: string): Promise<number | null>
    pairedLosses(
      db: Queryable,
      workspace: string,
      endpoint: string,
      first: number,
      second: number,
    ): Promise<{ n: number; first: number; second: number }>
    rearm(actor: Actor, endpoint: string): Promise<void>
  }
}
