import type { AnswerRecord, Stage } from '@tidemark/contracts'
import type { PredictionFold } from '../platform/folds.ts'
import { countStages } from './decide.ts'
import { addMinutes, type MinuteCounts, type MinuteKey } from './store.ts'

const MINUTE_MS = 60_000

/** Counts answers by the minute of their arrival: what the endpoint's page draws. Mirrors are nobody's traffic. */
export function trafficFold(): PredictionFold {
  return {
    name: 'traffic.minutes',
    async apply(tx, records) {
      const minutes = new Map<string, MinuteKey & MinuteCounts>()
      for (const record of records) {
        if (record.kind !== 'answer') continue
        const { workspace, endpoint, version, arrivedAt } = record
        const minute = Math.floor(arrivedAt / MINUTE_MS) * MINUTE_MS
        const key = JSON.stringify([workspace, endpoint, minute, version])
        const counts = minutes.get(key) ?? {
          ...{ workspace, endpoint, minute, version },
          ...{ requests: 0, rows: 0, errors: 0, stages: {} },
        }
        counts.requests += 1
        counts.rows += record.rows.length
        if (record.predictions === null) counts.errors += 1
        countStages(counts.stages, durationsOf(record))
        minutes.set(key, counts)
      }
      await addMinutes(tx, [...minutes.values()])
    },
  }
}

/** Milliseconds of each stage that the record knows; of a record without timings its time in the model alone. */
function durationsOf(record: AnswerRecord): Partial<Record<Stage, number>> {
  const stages = record.timings ?? { infer: record.milliseconds }
  return { ...stages, total: Object.values(stages).reduce((sum, milliseconds) => sum + milliseconds, 0) }
}
