import type { PipelineRun, PipelineVersion, StepRun } from '@tidemark/contracts'
import type { StepStatus, StoredRun, StoredStep, StoredVersion } from './types.ts'

/** Pipelines as the API gives them. */
export function versionReply(version: StoredVersion): PipelineVersion {
  return { ...version, files: [...version.files], createdAt: version.createdAt.toISOString() }
}

export async function runReply(
  run: StoredRun,
  steps: readonly StoredStep[],
  logBytes: (step: string) => Promise<number>,
): Promise<PipelineRun> {
  return {
    run: run.run,
    pipeline: run.pipeline,
    version: run.version,
    purpose: run.purpose,
    endpoint: run.endpoint,
    state: run.status.kind,
    reason: reasonOfRun(run),
    parameters: run.parameters,
    datasets: [...run.datasets],
    mlflowRun: run.mlflowRun,
    modelVersion: run.modelVersion,
    steps: await Promise.all(steps.map(async (step) => stepReply(step, await logBytes(step.step)))),
    startedBy: run.startedBy,
    startedAt: run.startedAt.toISOString(),
    endedAt: run.endedAt?.toISOString() ?? null,
  }
}

/** Whether nothing more will happen to a step in this run. */
export function isEnded(status: StepStatus): boolean {
  switch (status.kind) {
    case 'waiting':
    case 'running':
    case 'attempted':
    case 'retrying':
      return false
    case 'cached':
    case 'succeeded':
    case 'failed':
    case 'skipped':
    case 'cancelled':
      return true
  }
}

function reasonOfRun({ status }: StoredRun): string | null {
  if (status.kind === 'failed') return `Step ${status.step} failed: ${status.reason}`
  return 'reason' in status ? status.reason : null
}

function stepReply(step: StoredStep, logBytes: number): StepRun {
  const { status } = step
  return {
    step: step.step,
    // An attempt that has just ended is judged within milliseconds.
    state: status.kind === 'attempted' ? 'running' : status.kind,
    attempt: attemptOf(status),
    reason: 'reason' in status ? status.reason : null,
    cacheKey: step.cacheKey,
    cacheReason: step.cacheReason,
    inputs: step.inputs,
    outputs: step.outputs.map(({ name, digest, bytes }) => ({ name, digest, bytes })),
    result: step.values,
    logBytes,
    startedAt: step.startedAt?.toISOString() ?? null,
    endedAt: step.endedAt?.toISOString() ?? null,
  }
}

/** Number of the current or last attempt; 0 before the first, and for steps that never ran. */
function attemptOf(status: StepStatus): number {
  if (!('failures' in status)) return 0
  const ended = status.failures + status.losses
  return status.kind === 'failed' || status.kind === 'retrying' ? ended : ended + 1
}
