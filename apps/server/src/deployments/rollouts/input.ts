import { Guardrail, RolloutPolicy, RolloutState } from '@tidemark/contracts'
import { z } from 'zod'
import type { DecisionInput, LiveState } from './types.ts'

const time = z.number().nullable()
const Contender = z.object({
  version: z.int(),
  callers: z.int(),
  difference: z.number().nullable(),
  better: z.boolean(),
  proven: z.boolean(),
})

const Evidence = z
  .object({
    eventTimeFrom: time,
    eventTimeTo: time,
    now: time.optional(),
    limitsFrom: time.optional(),
    stageFrom: time.default(null),
    requests: z.int(),
    pairs: z.int(),
    labelledPairs: z.int(),
    callersAtStage: z.int(),
    requestsAtStage: z.int().default(0),
    labelledAtStage: z.int().default(0),
    exposedRequests: z.int().default(0),
    exposedCallers: z.int().default(0),
    guardrails: z.array(Guardrail),
    contenders: z.array(Contender).default([]),
    loadFailure: z.string().nullable(),
    confirmed: z.boolean().default(true),
  })
  // Inputs of before there was a clock of their own: the log's time was the clock.
  .transform(({ now, limitsFrom, ...evidence }) => ({
    ...evidence,
    now: now === undefined ? evidence.eventTimeTo : now,
    limitsFrom: limitsFrom === undefined ? evidence.eventTimeFrom : limitsFrom,
  }))

const Input = z.object({
  policy: RolloutPolicy,
  state: RolloutState,
  evidence: Evidence,
  waived: z.boolean().default(false),
  paused: z.string().nullable().default(null),
})

/** A stored decision's input, of this release or an older one. @throws ZodError when it is none. */
export function readInput(stored: unknown): DecisionInput {
  const input = Input.parse(stored)
  if (!isLiveState(input.state)) throw new Error(`Nothing is decided in the state ${input.state.kind}.`)
  return { ...input, state: input.state }
}

/** Whether a rollout in this state may still change something. */
export function isLiveState(state: z.infer<typeof RolloutState>): state is LiveState {
  return state.kind === 'shadow' || state.kind === 'canary' || state.kind === 'ab'
}
