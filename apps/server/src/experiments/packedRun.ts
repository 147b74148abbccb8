import type { RunStatusName } from '@tidemark/mlflow-protocol'
import type { KeyNumbers } from './keys.ts'
import { int64 } from './points.ts'
import type { DatasetInput, KeyValue, Lifecycle, MetricPoint, Run, RunInfo, RunModel } from './types.ts'

/** A run's own columns as the database gives them. */
export interface RunInfoRow {
  no: number
  id: string
  experiment: number
  name: string
  user_id: string
  status: RunStatusName
  start_ms: number
  end_ms: number | null
  artifact_uri: string
  lifecycle: Lifecycle
}

/** A run with its values packed into bytes by the database: a page of wide runs as objects would be most of the server's memory. */
export interface PackedRun extends RunInfoRow {
  readonly metrics: Buffer | null
  readonly parameters: Buffer | null
  readonly tags: Buffer | null
  readonly inputs: DatasetInput[] | null
  readonly models: RunModel[] | null
}

const METRIC_BYTES = 28

/** Calls with each metric: the number of its key, value, time in ms, step. */
export function eachMetric(
  bytes: Buffer | null,
  take: (key: number, value: number, atMs: number, step: number) => void,
): void {
  if (!bytes) return
  for (let at = 0; at < bytes.length; at += METRIC_BYTES)
    take(bytes.readInt32BE(at), bytes.readDoubleBE(at + 4), int64(bytes, at + 12), int64(bytes, at + 20))
}

/** Calls with each text: the number of its key, and its value. */
export function eachText(bytes: Buffer | null, take: (key: number, value: string) => void): void {
  if (!bytes) return
  for (let at = 0; at < bytes.length; ) {
    const end = at + 8 + bytes.readInt32BE(at + 4)
    take(bytes.readInt32BE(at), bytes.toString('utf8', at + 8, end))
    at = end
  }
}

/** The numbers of all keys of runs. */
export function keysOf(runs: readonly PackedRun[]): Set<number> {
  const keys = new Set<number>()
  for (const { metrics, parameters, tags } of runs) {
    eachMetric(metrics, (key) => keys.add(key))
    // Not by eachText: that would decode every text.
    for (const texts of [parameters, tags]) {
      if (!texts) continue
      for (let at = 0; at < texts.length; at += 8 + texts.readInt32BE(at + 4)) keys.add(texts.readInt32BE(at))
    }
  }
  return keys
}

/** A run as a whole. The names of its keys must be loaded. */
export function unpackedRun(run: PackedRun, keys: KeyNumbers): Run {
  const metrics: MetricPoint[] = []
  eachMetric(run.metrics, (key, value, atMs, step) => metrics.push({ key: keys.name(key), value, atMs, step }))
  const texts = (bytes: Buffer | null) => {
    const list: KeyValue[] = []
    eachText(bytes, (key, value) => list.push({ key: keys.name(key), value }))
    return list
  }
  return {
    ...runInfoOf(run),
    metrics,
    parameters: texts(run.parameters),
    tags: texts(run.tags),
    inputs: run.inputs ?? [],
    models: run.models ?? [],
  }
}

/** What a run is called and where it stands, without its values. */
export function runInfoOf(row: RunInfoRow): RunInfo {
  return {
    id: row.id,
    experiment: row.experiment,
    name: row.name,
    user: row.user_id,
    status: row.status,
    startMs: row.start_ms,
    endMs: row.end_ms,
    artifactUri: row.artifact_uri,
    lifecycle: row.lifecycle,
  }
}
