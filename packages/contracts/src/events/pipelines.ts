import { z } from 'zod'
import { Id, ModelVersionRef, Name } from '../values.ts'
import { defineEvent } from './define.ts'

export const Purpose = z.enum(['manual', 'retraining'])
const PipelineRun = z.object({ run: Id, pipeline: Name, purpose: Purpose, endpoint: Name.nullable() })
export const pipelineStarted = defineEvent(
  'pipelines.run_started',
  PipelineRun,
  (p) => `pipeline-run:${p.run}`,
  (p) => `Pipeline ${p.pipeline} started (${p.purpose})`,
)
export const pipelineSucceeded = defineEvent(
  'pipelines.run_succeeded',
  PipelineRun.extend({ modelVersion: ModelVersionRef.nullable(), seconds: z.number(), cachedSteps: z.int() }),
  (p) => `pipeline-run:${p.run}`,
  (p) =>
    `Pipeline ${p.pipeline} succeeded in ${p.seconds.toFixed(1)} s (${p.cachedSteps} steps from cache)${p.modelVersion ? `, made ${p.modelVersion}` : ''}`,
)
export const retrainingNotStarted = defineEvent(
  'pipelines.retraining_not_started',
  z.object({ decision: Id, pipeline: Name, endpoint: Name, reason: z.string() }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `The retraining for ${p.endpoint} could not start: ${p.reason}`,
)
export const pipelineFailed = defineEvent(
  'pipelines.run_failed',
  PipelineRun.extend({ step: z.string(), reason: z.string() }),
  (p) => `pipeline-run:${p.run}`,
  (p) => `Pipeline ${p.pipeline} failed in step ${p.step}: ${p.reason}`,
)

/** Runs of pipelines. */
export const PIPELINES_EVENTS = [pipelineStarted, pipelineSucceeded, retrainingNotStarted, pipelineFailed] as const
