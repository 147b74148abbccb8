import type { EndpointPolicy, Gate, GateName, LoggedPrediction, Origin } from '@tidemark/contracts'
import type { Queryable } from '../platform/index.ts'

/** A version, for an endpoint. */
export interface Subject {
  readonly model: string
  readonly version: number
  readonly endpoint: string
}

/** What approvals and explanations need of other modules. */
export interface GovernancePorts {
  readonly deployments: {
    endpoint(db: Queryable, workspace: string, name: string): Promise<{ readonly policy: EndpointPolicy } | null>
  }
  readonly evaluation: {
    latestGates(
      db: Queryable,
      workspace: string,
      subject: Subject,
    ): Promise<{ readonly id: string; readonly gates: readonly Gate[]; readonly state: string } | null>
  }
  readonly registry: {
    /** The tracked run of a version, and what its tags say of where it came from. */
    origin(
      db: Queryable,
      workspace: string,
      model: string,
      version: number,
    ): Promise<{ readonly runId: string | null; readonly origin: Origin } | null>
  }
  readonly pipelines: {
    runOfVersion(db: Queryable, workspace: string, model: string, version: number): Promise<string | null>
  }
  readonly predictions: {
    find(workspace: string, id: string): Promise<LoggedPrediction | null>
  }
}

/** An approval as it is stored. */
export interface StoredApproval extends Subject {
  readonly workspace: string
  readonly id: string
  readonly policy: 'automatic' | 'person'
  readonly state: 'waiting' | 'approved' | 'refused'
  readonly waiver: string | null
  readonly by: { readonly kind: 'person' | 'service' | 'system'; readonly id: string } | null
  readonly reason: string | null
  readonly cause: string | null
  readonly lastEvent: string | null
  readonly correlation: string
  readonly requestedAt: Date
  readonly decidedAt: Date | null
}

/** A waiver as it is stored. */
export interface StoredWaiver extends Subject {
  readonly workspace: string
  readonly id: string
  readonly evaluation: string
  readonly gates: readonly GateName[]
  readonly reason: string
  readonly by: { readonly kind: 'person' | 'service' | 'system'; readonly id: string }
  readonly recordedAt: Date
}
