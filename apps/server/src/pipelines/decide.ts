import { stepsBefore } from '@tidemark/contracts'
import type { Attempts, CacheHit, CacheParts, RunStatus, StepStatus, StepSuccess, StepView } from './types.ts'

// A step that lost its process this often is taken to end it by itself (memory, for instance).
const MOST_LOSSES = 4
const FIRST_RETRY_SECONDS = 1
const LONGEST_RETRY_SECONDS = 60

/** What happens to one step now. */
export type StepAction =
  | ({ readonly kind: 'start'; readonly step: string } & Attempts)
  | { readonly kind: 'reuse'; readonly step: string; readonly hit: CacheHit }
  | ({ readonly kind: 'succeed'; readonly step: string; readonly success: StepSuccess } & Attempts)
  | ({ readonly kind: 'retry'; readonly step: string; readonly reason: string; readonly retryAt: Date } & Attempts)
  | ({ readonly kind: 'fail'; readonly step: string; readonly reason: string } & Attempts)
  | { readonly kind: 'skip'; readonly step: string; readonly reason: string }
  | { readonly kind: 'cancel'; readonly step: string }
  /** Its process is told to end; the step changes when it has. */
  | { readonly kind: 'stop'; readonly step: string }

export interface RunDecision {
  readonly actions: readonly StepAction[]
  /** The run's end, when nothing is left to do. */
  readonly finish: Extract<RunStatus, { kind: 'succeeded' | 'failed' | 'cancelled' }> | null
  /** When to look again even if nothing happens. */
  readonly lookAgainAt: Date | null
}

/**
 * What a pipeline run does next: which steps start, are taken from the cache, are tried again, given up, skipped or stopped. After the first
 * failure nothing new starts, what runs may end. The same steps and time always give the same answer.
 */
export function decide(run: RunStatus, steps: readonly StepView[], now: Date): RunDecision {
  const settled = steps.map((step) => settle(run, step, now))
  // A step that is done in this turn lets others start in the next, when what it left is stored.
  const done = new Set(steps.filter(({ status }) => isDone(status)).map(({ definition }) => definition.name))
  let failure: { step: string; reason: string } | null = null
  for (const { after, name } of settled) if (after.kind === 'failed') failure ??= { step: name, reason: after.reason }
  const actions: StepAction[] = []
  let busy = false
  let lookAgainAt: Date | null = null
  for (const [index, step] of steps.entries()) {
    const { action, after } = settled[index] ?? { action: null, after: step.status }
    if (action) actions.push(action)
    if (after.kind === 'running' || action?.kind === 'succeed') busy = true
    if (after.kind !== 'waiting' && after.kind !== 'retrying') continue
    const next = startOrWait(run, step, after, done, failure, now)
    if (next === null) continue
    if (next.kind === 'wait') {
      busy = true
      if (next.until && (lookAgainAt === null || next.until < lookAgainAt)) lookAgainAt = next.until
    } else {
      busy ||= next.kind === 'start' || next.kind === 'reuse'
      actions.push(next)
    }
  }
  return { actions, finish: busy ? null : finishOf(run, failure), lookAgainAt }
}

interface Settled {
  readonly name: string
  readonly action: StepAction | null
  /** The status as it will be after the action. */
  readonly after: StepStatus
}

/** What becomes of an attempt that has ended, or whose process is gone. */
function settle(run: RunStatus, step: StepView, now: Date): Settled {
  const { status } = step
  const name = step.definition.name
  if (status.kind === 'attempted') return settleOutcome(run, step, status, now)
  if (status.kind === 'running' && !step.alive) {
    const outcome = {
      kind: 'lost',
      reason: 'the process that ran it, or the server that watched it, was ended',
    } as const
    return settleOutcome(run, step, { ...status, kind: 'attempted', outcome }, now)
  }
  if (status.kind === 'running' && run.kind === 'cancelling')
    return { name, action: { kind: 'stop', step: name }, after: status }
  return { name, action: null, after: status }
}

function settleOutcome(
  run: RunStatus,
  step: StepView,
  status: Extract<StepStatus, { kind: 'attempted' }>,
  now: Date,
): Settled {
  const name = step.definition.name
  const { outcome, failures, losses } = status
  const cancelled: Settled = { name, action: { kind: 'cancel', step: name }, after: { kind: 'cancelled' } }
  switch (outcome.kind) {
    case 'result': {
      const action = { kind: 'succeed', step: name, success: outcome, failures, losses } as const
      return { name, action, after: { kind: 'succeeded', failures, losses } }
    }
    case 'stopped':
    case 'error':
    case 'lost': {
      if (run.kind === 'cancelling') return cancelled
      const why = outcome.kind === 'stopped' ? 'its process was told to end' : outcome.reason
      const counts = outcome.kind === 'error' ? { failures: failures + 1, losses } : { failures, losses: losses + 1 }
      const again = outcome.kind === 'error' ? counts.failures <= step.definition.retries : counts.losses <= MOST_LOSSES
      if (!again) {
        const tries = counts.failures + counts.losses
        const reason = tries > 1 ? `${why} (after ${tries} tries)` : why
        return {
          name,
          action: { kind: 'fail', step: name, reason, ...counts },
          after: { kind: 'failed', reason, ...counts },
        }
      }
      const retryAt = new Date(now.getTime() + retryDelaySeconds(outcome.kind, counts) * 1000)
      return {
        name,
        action: { kind: 'retry', step: name, reason: why, retryAt, ...counts },
        after: { kind: 'retrying', reason: why, retryAt: retryAt.toISOString(), ...counts },
      }
    }
  }
}

/** A lost process says nothing about the step: it is tried again at once the first time. */
function retryDelaySeconds(kind: 'stopped' | 'error' | 'lost', { failures, losses }: Attempts): number {
  if (kind !== 'error' && losses === 1) return 0
  return Math.min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (failures + losses - 1))
}

function startOrWait(
  run: RunStatus,
  step: StepView,
  status: Extract<StepStatus, { kind: 'waiting' | 'retrying' }>,
  done: ReadonlySet<string>,
  failure: { step: string; reason: string } | null,
  now: Date,
): StepAction | { kind: 'wait'; until: Date | null } | null {
  const name = step.definition.name
  if (run.kind === 'cancelling') return { kind: 'cancel', step: name }
  if (run.kind !== 'running') return null
  if (failure) return { kind: 'skip', step: name, reason: `step ${failure.step} failed` }
  if (!stepsBefore(step.definition).every((before) => done.has(before))) return { kind: 'wait', until: null }
  if (status.kind === 'waiting' && step.hit) return { kind: 'reuse', step: name, hit: step.hit }
  const counts =
    status.kind === 'retrying' ? { failures: status.failures, losses: status.losses } : { failures: 0, losses: 0 }
  if (status.kind === 'retrying' && new Date(status.retryAt) > now)
    return { kind: 'wait', until: new Date(status.retryAt) }
  return { kind: 'start', step: name, ...counts }
}

function isDone(status: StepStatus): boolean {
  return status.kind === 'succeeded' || status.kind === 'cached'
}

function finishOf(run: RunStatus, failure: { step: string; reason: string } | null): RunDecision['finish'] {
  if (failure) return { kind: 'failed', ...failure }
  if (run.kind === 'cancelling') return { kind: 'cancelled', reason: run.reason }
  return run.kind === 'running' ? { kind: 'succeeded' } : null
}

/** Why a step runs although it may have run before: which parts differ from the last time. */
export function explainMiss(
  parts: CacheParts,
  last: { run: string; parts: CacheParts } | null,
  caches: boolean,
): string {
  if (!caches) return 'The step asks to run each time.'
  if (last === null) return 'First run of this step.'
  const differences = [
    ...(parts.entry === last.parts.entry ? [] : [`entry ${last.parts.entry} → ${parts.entry}`]),
    ...changed('code', parts.code, last.parts.code),
    ...(parts.lock === last.parts.lock ? [] : ['the environment lock']),
    ...changed('parameter', parts.parameters, last.parts.parameters),
    ...(parts.seed === last.parts.seed ? [] : [`seed ${last.parts.seed} → ${parts.seed}`]),
    ...changed('input', parts.inputs, last.parts.inputs),
    ...(parts.outputs.join() === last.parts.outputs.join() ? [] : ['the declared outputs']),
  ]
  if (differences.length === 0) return `Same as in run ${last.run}, which has no result to take.`
  return `Differs from run ${last.run} in ${differences.join(', ')}.`
}

function changed(
  word: string,
  now: Readonly<Record<string, unknown>>,
  before: Readonly<Record<string, unknown>>,
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()
  return names
    .filter((name) => now[name] !== before[name])
    .map((name) => `${word} ${name} (${short(before[name])} → ${short(now[name])})`)
}

function short(value: unknown): string {
  if (value === undefined) return 'none'
  const text = String(value)
  return text.startsWith('sha256:') ? text.slice(7, 15) : text.slice(0, 60)
}
