import type {
  AnswerRecord,
  EndpointPolicy,
  EvaluationPurpose,
  Gate,
  InputColumn,
  LossName,
  ReplayBudget,
  ReplayReport,
  RuntimeVerdict,
} from '@tidemark/contracts'
import type { Actor, Queryable } from '../platform/index.ts'
import type { RegistryModule } from '../registry/index.ts'

/** What evaluations need of other modules. */
export interface EvaluationPorts {
  readonly registry: {
    version(
      db: Queryable,
      workspace: string,
      model: string,
      version: number,
    ): Promise<{
      readonly signature: readonly InputColumn[] | null
      readonly flavors: readonly string[]
      readonly digest: string | null
    } | null>
    /** What a version's own files say of its input. */
    readonly inputOf: RegistryModule['inputOf']
    /** The frozen files of a version, paths from its MLmodel's folder. */
    versionFiles(
      db: Queryable,
      workspace: string,
      model: string,
      version: number,
    ): Promise<readonly { readonly path: string; readonly digest: string }[]>
  }
  readonly pipelines: {
    output(db: Queryable, workspace: string, run: string, name: string): Promise<{ readonly digest: string } | null>
    runOfVersion(db: Queryable, workspace: string, model: string, version: number): Promise<string | null>
    /** The latest run of a pipeline that succeeded. */
    latestRun(db: Queryable, workspace: string, pipeline: string): Promise<string | null>
  }
  readonly predictions: {
    /** An answer of the prediction log. */
    find(db: Queryable, workspace: string, id: string): Promise<{ readonly answer: AnswerRecord } | null>
  }
  readonly replays: {
    /** What came of the replay for an evaluation's gate; waits for it. @throws TidemarkError when there can be none */
    forGate(
      actor: Actor,
      asked: {
        readonly endpoint: string
        readonly version: number
        readonly evaluation: string
        readonly budget: ReplayBudget
      },
    ): Promise<ReplayEvidence>
  }
  readonly deployments: {
    endpoint(
      db: Queryable,
      workspace: string,
      name: string,
    ): Promise<{
      readonly model: string
      readonly championVersion: number
      readonly state: string
      readonly policy: EndpointPolicy
    } | null>
  }
}

export type EvaluationState = 'converting' | 'predicting' | 'judging' | 'passed' | 'failed' | 'measured' | 'broken'

export interface Holdout {
  readonly rows: number
  readonly from: string | null
  readonly to: string | null
  readonly meanLoss: number | null
}

/** An evaluation as it is stored: each state has all that the next needs, so that a stopped server's work goes on. */
export interface Evaluation {
  readonly workspace: string
  readonly id: string
  readonly model: string
  readonly version: number
  readonly endpoint: string
  readonly purpose: EvaluationPurpose
  readonly champion: number | null
  readonly pipelineRun: string | null
  readonly holdoutRun: string | null
  readonly state: EvaluationState
  readonly problem: string | null
  readonly summary: string | null
  readonly runtime: RuntimeVerdict | null
  readonly gates: readonly Gate[]
  readonly holdout: Holdout | null
  readonly robustness: readonly PerturbedResult[] | null
  readonly cause: string | null
  readonly correlation: string | null
  readonly actorKind: 'person' | 'service' | 'system'
  readonly actorId: string
  readonly attempts: number
  readonly startedAt: Date
  readonly finishedAt: Date | null
}

export type Value = string | number | boolean | null

/** One labelled row of a holdout with what both versions predicted; null: the version failed on it. */
export interface HoldoutRow {
  readonly entity: string | null
  readonly eventTime: Date | null
  /** The policy's slice columns. */
  readonly slices: Readonly<Record<string, string>>
  readonly label: number
  readonly prediction: number | null
  readonly championPrediction: number | null
}

/** What a kind of disturbed input did to the candidate. */
export interface PerturbedResult {
  readonly kind: 'noisy' | 'missing' | 'unknown'
  /** Which holdout rows were disturbed, by their place. */
  readonly rows: readonly number[]
  readonly predictions: readonly (number | null)[]
  /** The first error, when a row raised one. */
  readonly error: string | null
}

/** What shows that a candidate did not see the holdout. */
export interface IntegrityFacts {
  /** The run that made it; null: nothing is known of its training. */
  readonly pipelineRun: string | null
  /** The run registered this very version, whose files are frozen. */
  readonly isRunsVersion: boolean
  /** null: the training's rows name no things or times. */
  readonly trainingEntities: number | null
  readonly sharedEntities: number | null
  readonly trainingTo: Date | null
  readonly holdoutFrom: Date | null
}

/** All that the gates look at. */
export interface GateEvidence {
  readonly champion: number | null
  readonly rows: readonly HoldoutRow[]
  readonly perturbed: readonly PerturbedResult[]
  readonly integrity: IntegrityFacts
  /** null: the policy asks for none. */
  readonly replay: ReplayEvidence | null
}

/** What came of asking logged requests again; a text says why there is no report. */
export type ReplayEvidence = { readonly id: string; readonly report: ReplayReport } | { readonly problem: string }

export interface HoldoutLosses {
  /** In units of `loss`; rows on which the version failed are left out. */
  readonly losses: number[]
  readonly predictions: number[]
  readonly labels: number[]
  readonly loss: LossName
}
