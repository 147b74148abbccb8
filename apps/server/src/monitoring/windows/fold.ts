import {
  type AnswerRecord,
  type LogRecord,
  numberIn,
  parseModelVersionRef,
  predictionOfRow,
  scalarOf,
  uuidv7,
} from '@tidemark/contracts'
import { entityOf, type PredictionFold } from '../../platform/folds.ts'
import type { Platform, Tx } from '../../platform/index.ts'
import { type FirstPrediction, joinFirstPredictions } from '../labels/join.ts'
import { profileById, profileOfVersion, type StoredProfile } from '../reference/store.ts'
import type { EndpointKey, MonitoredEndpoint, MonitoringPorts } from '../types.ts'
import { windowOf } from './calendar.ts'
import { closeDueWindows } from './close.ts'
import { countUnit, type Unit, type WindowCounts } from './counts.ts'
import { addCounts, addToWindow, advanceClock, lockEndpoint, newUnits, openWindow, type WindowRow } from './store.ts'

/** Counts windows and keeps the first prediction of each thing by each version. */
export function windowFold(platform: Platform, ports: MonitoringPorts): PredictionFold {
  return {
    name: 'monitoring.windows',
    async apply(tx, records) {
      for (const [key, own] of byEndpoint(records)) {
        const facts = await ports.endpoint(tx, key.workspace, key.endpoint)
        // An endpoint that was removed while its last lines waited.
        if (facts) await applyToEndpoint(tx, key, facts, own)
      }
    },
    async committed(touched) {
      for (const name of touched) {
        const slash = name.indexOf('/')
        const key = { workspace: name.slice(0, slash), endpoint: name.slice(slash + 1) }
        await closeDueWindows(platform, ports, key)
        platform.live.changed('health', key.endpoint)
      }
    },
  }
}

function byEndpoint(records: readonly LogRecord[]): [EndpointKey, LogRecord[]][] {
  const groups = new Map<string, [EndpointKey, LogRecord[]]>()
  for (const record of records) {
    const name = `${record.workspace}/${record.endpoint}`
    const group = groups.get(name) ?? [{ workspace: record.workspace, endpoint: record.endpoint }, []]
    group[1].push(record)
    groups.set(name, group)
  }
  // Sorted: two transactions that lock several endpoints never wait for each other in a circle.
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

async function applyToEndpoint(
  tx: Tx,
  key: EndpointKey,
  facts: MonitoredEndpoint,
  records: readonly LogRecord[],
): Promise<void> {
  await lockEndpoint(tx, key)
  const current = await profileOfVersion(tx, key, facts.model, facts.championVersion)
  const windows = new Map<number, { row: WindowRow; records: LogRecord[] }>()
  for (const record of records) {
    const span = windowOf(record.eventTime, facts.policy.window)
    const window = windows.get(span.from.getTime()) ?? {
      row: await openWindow(tx, key, uuidv7(), span, current?.id ?? null),
      records: [],
    }
    window.records.push(record)
    windows.set(span.from.getTime(), window)
  }
  for (const window of windows.values()) {
    const answers = window.records.filter((record) => record.kind === 'answer')
    await countWindow(tx, key, facts, window.row, answers, current)
    await joinFirstPredictions(tx, key, facts.policy.loss, firstPredictions(window.records, window.row.id))
  }
  await advanceClock(tx, key, new Date(Math.max(...records.map((record) => record.eventTime))))
}

/** A row of a record that counts in its window. */
interface Counted {
  readonly record: AnswerRecord
  readonly row: number
}

async function countWindow(
  tx: Tx,
  { workspace }: EndpointKey,
  facts: MonitoredEndpoint,
  window: WindowRow,
  answers: readonly AnswerRecord[],
  current: StoredProfile | null,
): Promise<void> {
  const late = window.state !== 'open'
  const named = new Map<string, Counted>()
  const fresh: Counted[] = []
  if (!late) {
    for (const record of answers) {
      for (let row = 0; row < record.rows.length; row += 1) {
        // A row without a name is a thing of its own, and its record comes here once: nothing needs to be remembered of it.
        if (record.entities[row] == null) fresh.push({ record, row })
        else if (!named.has(entityOf(record, row))) named.set(entityOf(record, row), { record, row })
      }
    }
  }
  for (const entity of await newUnits(tx, workspace, window.id, [...named.keys()])) {
    const unit = named.get(entity)
    if (unit) fresh.push(unit)
  }
  const profile =
    window.profile === current?.id ? current : window.profile ? await profileById(tx, workspace, window.profile) : null
  if (profile) {
    const counts: WindowCounts = new Map()
    for (const { record, row } of fresh)
      countUnit(counts, profile.profile, unitOf(record, row, `${facts.model}/${profile.version}`))
    await addCounts(tx, workspace, window.id, counts)
  }
  await addToWindow(tx, workspace, window.id, {
    predictions: answers.length,
    entities: fresh.length,
    errors: answers.filter((record) => record.predictions === null).length,
    late: late ? answers.length : 0,
  })
}

function unitOf(record: AnswerRecord, row: number, champion: string): Unit {
  const cells = record.rows[row] ?? []
  const answered = record.version === champion && record.predictions !== null
  return {
    values: new Map(record.columns.map((column, index) => [column, scalarOf(cells[index])])),
    withheld: new Set(Object.keys(record.redacted ?? {})),
    prediction: answered ? { number: numberIn(predictionOfRow(record, row)) } : null,
  }
}

function firstPredictions(records: readonly LogRecord[], window: string): FirstPrediction[] {
  const first = new Map<string, FirstPrediction>()
  for (const record of records) {
    const { version } = parseModelVersionRef(record.version)
    record.predictions?.forEach((_, row) => {
      const entity = entityOf(record, row)
      const said = predictionOfRow(record, row)
      const text = scalarOf(said)
      const value = typeof text === 'string' ? text : numberIn(said)
      if (value === null || first.has(`${version}:${entity}`)) return
      first.set(`${version}:${entity}`, {
        version,
        entity,
        prediction: record.id,
        row,
        eventTime: new Date(record.eventTime),
        value,
        window,
      })
    })
  }
  return [...first.values()]
}
