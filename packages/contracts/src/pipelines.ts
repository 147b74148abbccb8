import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Purpose } from './events/index.ts'
import { ActorRef, Digest, Id, Instant, Json, ModelVersionRef, Name } from './values.ts'

const tag = 'pipelines'

export const Parameter = z.union([z.string(), z.number(), z.boolean(), z.null()])
export type Parameter = z.infer<typeof Parameter>

/** What a step reads: a dataset, or an output of a step before it. */
export const StepInput = z.union([
  z.strictObject({
    dataset: Name,
    version: z.union([z.literal('latest'), z.int().min(1)]).default('latest'),
  }),
  z.strictObject({ step: Name, output: Name }),
])
export type StepInput = z.infer<typeof StepInput>

export const StepDefinition = z.strictObject({
  name: Name,
  /** `module:function`, the module below the pipeline's folder: `steps.train:run`. */
  entry: z.string().regex(/^[A-Za-z_][\w.]*:[A-Za-z_]\w*$/, 'An entry reads "module:function".'),
  /** Steps that must have succeeded before, besides those whose outputs it reads. */
  needs: z.array(Name).default([]),
  inputs: z.record(Name, StepInput).default({}),
  outputs: z.array(Name).default([]),
  /** The run's parameters that this step reads; only these are in its cache key. */
  parameters: z.array(z.string()).default([]),
  /** Files of the pipeline that this step runs, besides its entry's own; all of them unless said. Only these are in its cache key. */
  files: z.array(z.string()).optional(),
  /** Tries after the first that failed or was lost. */
  retries: z.int().min(0).max(10).default(1),
  timeoutSeconds: z.number().gt(0).default(600),
  /** False: it runs each time, as a step that sends something must. */
  cache: z.boolean().default(true),
})
export type StepDefinition = z.infer<typeof StepDefinition>

/** A pipeline as its author writes it; the example's `pipeline.yaml`. */
export const PipelineDefinition = z
  .strictObject({
    name: Name,
    description: z.string().default(''),
    /** Path of the hashed requirement file, from the pipeline's folder; the platform's own lock unless said. */
    lock: z.string().nullable().default(null),
    parameters: z.record(z.string(), Parameter).default({}),
    steps: z.array(StepDefinition).min(1),
  })
  .superRefine((definition, context) => {
    for (const problem of graphProblems(definition.steps))
      context.addIssue({ code: 'custom', path: ['steps'], message: problem })
    for (const step of definition.steps)
      for (const parameter of step.parameters)
        if (!Object.hasOwn(definition.parameters, parameter))
          context.addIssue({
            code: 'custom',
            path: ['steps'],
            message: `Step "${step.name}" reads the parameter "${parameter}", which is not declared.`,
          })
  })
  .meta({ id: 'PipelineDefinition' })
export type PipelineDefinition = z.infer<typeof PipelineDefinition>

/** The steps that must have succeeded before a step may start. */
export function stepsBefore(step: Pick<StepDefinition, 'needs' | 'inputs'>): string[] {
  const sources = Object.values(step.inputs).flatMap((input) => ('step' in input ? [input.step] : []))
  return [...new Set([...step.needs, ...sources])]
}

/** What is wrong with the graph of steps: doubled names, unknown steps or outputs, a cycle. Empty when it is sound. */
function graphProblems(steps: readonly StepDefinition[]): string[] {
  const problems: string[] = []
  const byName = new Map(steps.map((step) => [step.name, step]))
  if (byName.size < steps.length) problems.push('Two steps have the same name.')
  for (const step of steps) {
    for (const before of stepsBefore(step))
      if (!byName.has(before)) problems.push(`Step "${step.name}" needs "${before}", which is not a step.`)
    for (const input of Object.values(step.inputs))
      if ('step' in input && byName.has(input.step) && !byName.get(input.step)?.outputs.includes(input.output))
        problems.push(`Step "${step.name}" reads "${input.output}" of "${input.step}", which does not declare it.`)
  }
  const done = new Set<string>()
  for (let left = [...steps]; left.length > 0; ) {
    const ready = left.filter((step) => stepsBefore(step).every((before) => done.has(before) || !byName.has(before)))
    if (ready.length === 0) {
      problems.push(`These steps wait for each other: ${left.map((step) => step.name).join(', ')}.`)
      break
    }
    for (const step of ready) done.add(step.name)
    left = left.filter((step) => !done.has(step.name))
  }
  return problems
}

const SafePath = z
  .string()
  .max(300)
  .regex(/^(?!\.{1,2}(\/|$))[\w.-]+(\/(?!\.{1,2}(\/|$))[\w.-]+)*$/, 'A path below the folder, without "..".')

export const CodeFile = z.union([
  z.strictObject({ path: SafePath, text: z.string() }),
  z.strictObject({ path: SafePath, base64: z.base64() }),
])
export type CodeFile = z.infer<typeof CodeFile>

export const PipelineVersion = z
  .object({
    pipeline: z.string(),
    version: z.int(),
    /** Of definition, code and lock together. */
    digest: Digest,
    definition: PipelineDefinition,
    files: z.array(z.object({ path: z.string(), digest: Digest, bytes: z.int() })),
    lockDigest: Digest,
    gitCommit: z.string().nullable(),
    /** Content address of the uncommitted patch; null when the folder was as committed. */
    gitPatch: Digest.nullable(),
    createdBy: ActorRef,
    createdAt: Instant,
  })
  .meta({ id: 'PipelineVersion' })
export type PipelineVersion = z.infer<typeof PipelineVersion>

export const RunState = z.enum(['running', 'cancelling', 'succeeded', 'failed', 'cancelled'])
export type RunState = z.infer<typeof RunState>

export const StepState = z.enum([
  'waiting',
  'running',
  'retrying',
  'cached',
  'succeeded',
  'failed',
  'skipped',
  'cancelled',
])
export type StepState = z.infer<typeof StepState>

export const StepRun = z
  .object({
    step: z.string(),
    state: StepState,
    attempt: z.int(),
    /** Why it failed, is tried again or was skipped. */
    reason: z.string().nullable(),
    cacheKey: Digest.nullable(),
    /** Which run's result was taken, or which part differed from the last run. */
    cacheReason: z.string().nullable(),
    inputs: z.record(z.string(), z.object({ digest: Digest, from: z.string() })),
    outputs: z.array(z.object({ name: z.string(), digest: Digest, bytes: z.int() })),
    result: Json.nullable(),
    logBytes: z.int(),
    startedAt: Instant.nullable(),
    endedAt: Instant.nullable(),
  })
  .meta({ id: 'StepRun' })
export type StepRun = z.infer<typeof StepRun>

export const PipelineRun = z
  .object({
    run: Id,
    pipeline: z.string(),
    version: z.int(),
    purpose: Purpose,
    endpoint: z.string().nullable(),
    state: RunState,
    /** Why it failed. */
    reason: z.string().nullable(),
    parameters: z.record(z.string(), Parameter),
    datasets: z.array(z.object({ dataset: z.string(), version: z.int(), digest: Digest })),
    mlflowRun: z.string().nullable(),
    modelVersion: ModelVersionRef.nullable(),
    steps: z.array(StepRun),
    startedBy: ActorRef,
    startedAt: Instant,
    endedAt: Instant.nullable(),
  })
  .meta({ id: 'PipelineRun' })
export type PipelineRun = z.infer<typeof PipelineRun>

export const Pipeline = z
  .object({
    name: z.string(),
    latest: PipelineVersion,
    versions: z.int(),
    runs: z.int(),
    lastRun: PipelineRun.nullable(),
  })
  .meta({ id: 'Pipeline' })
export type Pipeline = z.infer<typeof Pipeline>

const PipelinePath = z.object({ pipeline: Name })
const RunPath = z.object({ run: Id })
const Offset = z.coerce.number().int().min(0).default(0)
const Limit = z.coerce.number().int().min(1).max(1000).default(100)

export const pipelines = {
  applyPipeline: endpoint({
    method: 'PUT',
    path: '/api/v1/pipelines/:pipeline',
    tag,
    summary: 'Register a pipeline: a new version when definition, code or lock differ from the latest',
    permission: 'pipelines.write',
    params: PipelinePath,
    body: z.strictObject({
      definition: PipelineDefinition,
      files: z.array(CodeFile).min(1),
      /** Text of the hashed requirement file; the platform's own lock unless given. */
      lock: z.string().nullable().default(null),
      gitCommit: z
        .string()
        .regex(/^[0-9a-f]{40,64}$/)
        .nullable()
        .default(null),
      /** Text of the uncommitted patch of the folder. */
      gitPatch: z.string().nullable().default(null),
    }),
    reply: z.object({ created: z.boolean(), version: PipelineVersion }),
  }),
  listPipelines: endpoint({
    method: 'GET',
    path: '/api/v1/pipelines',
    tag,
    summary: 'All pipelines with their last run',
    permission: 'pipelines.read',
    reply: z.object({ pipelines: z.array(Pipeline) }),
  }),
  getPipeline: endpoint({
    method: 'GET',
    path: '/api/v1/pipelines/:pipeline',
    tag,
    summary: 'One pipeline',
    permission: 'pipelines.read',
    params: PipelinePath,
    reply: Pipeline,
  }),
  getPipelineVersion: endpoint({
    method: 'GET',
    path: '/api/v1/pipelines/:pipeline/versions/:version',
    tag,
    summary: 'One version: definition, code files, lock, commit',
    permission: 'pipelines.read',
    params: z.object({ pipeline: Name, version: z.coerce.number().int().min(1) }),
    reply: PipelineVersion,
  }),
  startRun: endpoint({
    method: 'POST',
    path: '/api/v1/pipelines/:pipeline/runs',
    tag,
    summary: 'Start a run of the latest version',
    permission: 'pipelines.write',
    status: 201,
    params: PipelinePath,
    body: z.strictObject({
      parameters: z.record(z.string(), Parameter).default({}),
      purpose: Purpose.default('manual'),
      /** The endpoint that a retraining is for. */
      endpoint: Name.nullable().default(null),
    }),
    reply: PipelineRun,
  }),
  listRuns: endpoint({
    method: 'GET',
    path: '/api/v1/pipeline-runs',
    tag,
    summary: 'Runs, newest first',
    permission: 'pipelines.read',
    query: z.object({
      pipeline: z.string().optional(),
      state: RunState.optional(),
      dataset: z.string().optional().describe('Only runs that read this dataset'),
      offset: Offset,
      limit: Limit,
    }),
    reply: z.object({ runs: z.array(PipelineRun), total: z.int() }),
  }),
  getRun: endpoint({
    method: 'GET',
    path: '/api/v1/pipeline-runs/:run',
    tag,
    summary: 'One run with its steps',
    permission: 'pipelines.read',
    params: RunPath,
    reply: PipelineRun,
  }),
  cancelRun: endpoint({
    method: 'POST',
    path: '/api/v1/pipeline-runs/:run/cancel',
    tag,
    summary: 'Stop a run: its running steps are ended, the others never start',
    permission: 'pipelines.write',
    params: RunPath,
    body: z.strictObject({ reason: z.string().default('') }),
    reply: PipelineRun,
  }),
  getStepLog: endpoint({
    method: 'GET',
    path: '/api/v1/pipeline-runs/:run/steps/:step/log',
    tag,
    summary: 'The log of a step from a byte offset on; all attempts, one after the other',
    permission: 'pipelines.read',
    params: z.object({ run: Id, step: Name }),
    query: z.object({
      offset: Offset,
      limitBytes: z.coerce.number().int().min(1).max(4_194_304).default(262_144),
    }),
    reply: z.object({
      text: z.string(),
      nextOffset: z.int(),
      /** True when the step has ended and `nextOffset` is the end. */
      complete: z.boolean(),
    }),
  }),
} as const
