import type { ActorRef, JsonValue, Parameter, PipelineDefinition, StepDefinition } from '@tidemark/contracts'
import type { Actor, Queryable } from '../platform/index.ts'

/** What stays of a step: a file by its content, under the name that later steps ask for. */
export interface Output {
  readonly name: string
  /** The file's own name, whose ending says how to read it. */
  readonly file: string
  readonly digest: string
  readonly bytes: number
}

export interface StepSuccess {
  readonly outputs: readonly Output[]
  readonly values: Readonly<Record<string, JsonValue>>
}

/** How one attempt ended, before anybody decided what that means. */
export type AttemptOutcome =
  | ({ readonly kind: 'result' } & StepSuccess)
  /** The step's own fault: it raised, ran out of time, or left no declared output. */
  | { readonly kind: 'error'; readonly reason: string }
  /** Nobody's fault: its process, or the server that watched it, was ended. */
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'stopped' }

/** `failures` and `losses` count ended attempts; the current one is number `failures + losses + 1`. */
export interface Attempts {
  readonly failures: number
  readonly losses: number
}

export type StepStatus =
  | { readonly kind: 'waiting' }
  | ({ readonly kind: 'running'; readonly owner: string } & Attempts)
  | ({ readonly kind: 'attempted'; readonly outcome: AttemptOutcome } & Attempts)
  | ({ readonly kind: 'retrying'; readonly reason: string; readonly retryAt: string } & Attempts)
  | { readonly kind: 'cached'; readonly fromRun: string }
  | ({ readonly kind: 'succeeded' } & Attempts)
  | ({ readonly kind: 'failed'; readonly reason: string } & Attempts)
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'cancelled' }

export type RunStatus =
  | { readonly kind: 'running' }
  | { readonly kind: 'cancelling'; readonly reason: string }
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'failed'; readonly step: string; readonly reason: string }
  | { readonly kind: 'cancelled'; readonly reason: string }

/** Everything that decides a step's result; equal parts give an equal result, so an earlier one is taken. */
export interface CacheParts {
  readonly entry: string
  /** Content address of each code file that the step runs. */
  readonly code: Readonly<Record<string, string>>
  readonly lock: string
  readonly parameters: Readonly<Record<string, Parameter>>
  readonly seed: number
  readonly inputs: Readonly<Record<string, string>>
  readonly outputs: readonly string[]
}

export interface CacheHit extends StepSuccess {
  readonly fromRun: string
}

/** What a step reads in this run: the content, and where it comes from in words. */
export interface ResolvedInput {
  readonly digest: string
  readonly from: string
}

export interface StoredStep {
  readonly step: string
  readonly status: StepStatus
  readonly leaseUntil: Date | null
  readonly cacheKey: string | null
  readonly cacheParts: CacheParts | null
  readonly cacheReason: string | null
  readonly inputs: Readonly<Record<string, ResolvedInput>>
  readonly outputs: readonly Output[]
  readonly values: Readonly<Record<string, JsonValue>> | null
  readonly startedAt: Date | null
  readonly endedAt: Date | null
}

export interface DatasetPin {
  readonly dataset: string
  readonly version: number
  readonly digest: string
}

export interface StoredRun {
  readonly workspace: string
  readonly run: string
  readonly pipeline: string
  readonly version: number
  readonly purpose: 'manual' | 'retraining'
  readonly endpoint: string | null
  readonly status: RunStatus
  readonly parameters: Readonly<Record<string, Parameter>>
  readonly datasets: readonly DatasetPin[]
  readonly mlflowRun: string | null
  readonly modelVersion: string | null
  readonly startedBy: ActorRef
  /** Id and chain of the event that told of its start: the cause of those that tell of its end. */
  readonly startedEvent: string
  readonly correlation: string
  readonly startedAt: Date
  readonly endedAt: Date | null
}

export interface StoredVersion {
  readonly pipeline: string
  readonly version: number
  readonly digest: string
  readonly definition: PipelineDefinition
  readonly files: readonly { readonly path: string; readonly digest: string; readonly bytes: number }[]
  readonly lockDigest: string
  readonly gitCommit: string | null
  readonly gitPatch: string | null
  readonly createdBy: ActorRef
  readonly createdAt: Date
}

/** What `decide` looks at for one step. */
export interface StepView {
  readonly definition: Pick<StepDefinition, 'name' | 'needs' | 'inputs' | 'retries'>
  readonly status: StepStatus
  /** Whether its attempt is known to be alive: run by this server, or leased by another that renewed in time. */
  readonly alive: boolean
  /** An earlier result of the same key; looked up when the step could start. */
  readonly hit: CacheHit | null
}

export interface StartRequest {
  readonly pipeline: string
  readonly parameters: Readonly<Record<string, Parameter>>
  readonly purpose: 'manual' | 'retraining'
  readonly endpoint: string | null
}

// --- what this module needs of others; server.ts joins them

export interface DatasetsPort {
  version(
    db: Queryable,
    workspace: string,
    dataset: string,
    version: number | 'latest',
  ): Promise<{ readonly version: number; readonly digest: string }>
  materialize(
    workspace: string,
    dataset: string,
    version: number,
    targetDir: string,
  ): Promise<{ readonly file: string; readonly digest: string }>
}

/** The experiment tracker: each pipeline run has one tracked run, into which its steps log. */
export interface TrackingPort {
  createRun(
    actor: Actor,
    run: { readonly experiment: string; readonly name: string; readonly tags: Readonly<Record<string, string>> },
  ): Promise<string>
  finishRun(actor: Actor, mlflowRun: string, status: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<void>
}

export interface PipelinePorts {
  readonly datasets: DatasetsPort
  readonly tracking: TrackingPort
  /** A token that lets a step's process write to the tracker in the name of its run, until it expires. */
  readonly issueRunToken: (run: { readonly id: string; readonly workspace: string }, expires: Date) => string
  /** Where steps reach this server; settles once it listens. */
  readonly serverUrl: Promise<string>
}
