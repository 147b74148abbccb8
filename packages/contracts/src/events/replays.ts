import { z } from 'zod'
import { Id, ModelVersionRef, Name } from '../values.ts'
import { defineEvent, Evidence } from './define.ts'

const Replayed = z.object({ replay: Id, endpoint: Name, modelVersion: ModelVersionRef })
export const replayFinished = defineEvent(
  'replays.finished',
  Replayed.extend({ summary: z.string(), evidence: Evidence, seconds: z.number() }),
  (p) => `model-version:${p.modelVersion}`,
  (p) => `${p.modelVersion} was asked again what ${p.endpoint} was asked: ${p.summary}`,
)
export const replayFailed = defineEvent(
  'replays.failed',
  Replayed.extend({ reason: z.string() }),
  (p) => `model-version:${p.modelVersion}`,
  (p) => `The replay of ${p.endpoint} by ${p.modelVersion} failed: ${p.reason}`,
)
export const replayCancelled = defineEvent(
  'replays.cancelled',
  Replayed,
  (p) => `model-version:${p.modelVersion}`,
  (p) => `The replay of ${p.endpoint} by ${p.modelVersion} was cancelled`,
)

/** Replays before a release. */
export const REPLAYS_EVENTS = [replayFinished, replayFailed, replayCancelled] as const
