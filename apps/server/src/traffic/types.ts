import type { Queryable } from '../platform/index.ts'

/** What traffic asks of other modules. */
export interface TrafficPorts {
  /** Whether the workspace has this endpoint. */
  endpoint(db: Queryable, workspace: string, name: string): Promise<boolean>
}
