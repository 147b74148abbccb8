import { Readable } from 'node:stream'
import { experimentNumber, requests } from '@tidemark/mlflow-protocol'
import { columnsOf } from '../columns.ts'
import type { KeyNumbers } from '../keys.ts'
import type { PackedRun } from '../packedRun.ts'
import type { Tracking } from '../tracking.ts'
import type { DatasetInput, LoggedMetric } from '../types.ts'
import { MAX_PAGE, pageSize, pairs } from './asked.ts'
import { createJsonText } from './jsonText.ts'
import type { MlflowRoutes } from './plugin.ts'
import { createRunText } from './runText.ts'
import { wireRun, wireRunInfo } from './wire.ts'

interface WireLoggedMetric {
  readonly key: string
  readonly value: number
  readonly timestamp: number
  readonly step: number | undefined
  readonly model_id: string | undefined
  readonly dataset_name: string | undefined
  readonly dataset_digest: string | undefined
}

function metricOf(metric: WireLoggedMetric): LoggedMetric {
  return {
    key: metric.key,
    value: metric.value,
    atMs: metric.timestamp,
    step: metric.step ?? 0,
    model: metric.model_id || null,
    datasetName: metric.dataset_name || null,
    datasetDigest: metric.dataset_digest || null,
  }
}

/** The JSON of a page of runs: whole when it is small, else sent slice by slice, so that no page of any size is ever in memory. */
async function jsonOfRuns(
  slices: AsyncGenerator<readonly PackedRun[]>,
  next: string | null,
  keys: KeyNumbers,
): Promise<Readable | Buffer> {
  const write = createRunText(keys)
  const end = next === null ? ']}' : `],"next_page_token":${JSON.stringify(next)}}`
  const listed = (before: string, runs: readonly PackedRun[]) => {
    const text = createJsonText()
    text.add(before)
    for (const [index, run] of runs.entries()) text.add(index === 0 ? write(run) : `,${write(run)}`)
    return text.bytes()
  }
  const first = await slices.next()
  if (first.done) return Buffer.from('{}')
  // Each slice becomes text before the next is read: what else is asked meanwhile may make `keys` forget its names.
  const begun = listed('{"runs":[', first.value)
  const second = await slices.next()
  if (second.done) return Buffer.concat([begun, Buffer.from(end)])
  async function* whole(...ahead: Buffer[]): AsyncGenerator<Buffer> {
    yield* ahead
    for await (const slice of slices) yield listed(',', slice)
    yield Buffer.from(end)
  }
  // One slice ahead: by default sixteen would wait in memory for a slow reader.
  return Readable.from(whole(begun, listed(',', second.value)), { highWaterMark: 1 })
}

/** Runs of MLflow's REST API: their life, what is logged to them, and the search. */
export function runRoutes(tracking: Tracking): MlflowRoutes {
  return {
    'POST runs/create': async ({ read, actor }) => {
      const { experiment_id, user_id, run_name, start_time, tags } = read(requests.CreateRun)
      const run = await tracking.createRun(actor, {
        experimentId: experiment_id ?? '',
        user: user_id ?? '',
        name: run_name ?? '',
        startMs: start_time ?? 0,
        tags: pairs(tags),
      })
      return { run: wireRun(run, 'without outputs') }
    },
    'GET runs/get': async ({ read, actor }) => ({
      run: wireRun(await tracking.run(actor, read(requests.RunId).run_id)),
    }),
    'POST runs/update': async ({ read, actor }) => {
      const { run_id, status, end_time, run_name } = read(requests.UpdateRun)
      const run = await tracking.updateRun(actor, run_id, { status, endMs: end_time, name: run_name })
      return { run_info: wireRunInfo(run) }
    },
    'POST runs/delete': async ({ read, actor }) => {
      await tracking.moveRun(actor, read(requests.RunId).run_id, 'deleted')
      return {}
    },
    'POST runs/restore': async ({ read, actor }) => {
      await tracking.moveRun(actor, read(requests.RunId).run_id, 'active')
      return {}
    },
    'POST runs/log-metric': async ({ read, actor }) => {
      const metric = read(requests.LogMetric)
      await tracking.logMetric(actor, metric.run_id, metricOf(metric))
      return {}
    },
    'POST runs/log-parameter': async ({ read, actor }) => {
      const { run_id, key, value } = read(requests.LogParameter)
      await tracking.logParameter(actor, run_id, { key, value: value ?? '' })
      return {}
    },
    'POST runs/log-batch': async ({ read, actor }) => {
      const { run_id, metrics, params, tags } = read(requests.LogBatch)
      const batch = { metrics: (metrics ?? []).map(metricOf), parameters: pairs(params), tags: pairs(tags) }
      await tracking.logBatch(actor, run_id, batch)
      return {}
    },
    'POST runs/set-tag': async ({ read, actor }) => {
      const { run_id, key, value } = read(requests.SetTag)
      await tracking.setTag(actor, run_id, { key, value: value ?? '' })
      return {}
    },
    'POST runs/delete-tag': async ({ read, actor }) => {
      const { run_id, key } = read(requests.DeleteTag)
      await tracking.removeTag(actor, run_id, key)
      return {}
    },
    'POST runs/log-inputs': async ({ read, actor }) => {
      const { run_id, datasets, models } = read(requests.LogInputs)
      const inputs = (datasets ?? []).map(
        ({ dataset, tags }): DatasetInput => ({
          name: dataset.name,
          digest: dataset.digest,
          sourceType: dataset.source_type,
          source: dataset.source,
          schema: dataset.schema ?? null,
          profile: dataset.profile ?? null,
          tags: pairs(tags),
        }),
      )
      const used = (models ?? []).map(({ model_id }) => ({ role: 'input' as const, model: model_id, step: 0 }))
      await tracking.addInputs(actor, run_id, inputs, used)
      return {}
    },
    'POST runs/outputs': async ({ read, actor }) => {
      const { run_id, models } = read(requests.LogOutputs)
      const made = models.map(({ model_id, step }) => ({ role: 'output' as const, model: model_id, step: step ?? 0 }))
      await tracking.addInputs(actor, run_id, [], made)
      return {}
    },
    'POST runs/log-model': async ({ read, actor }) => {
      const { run_id, model_json } = read(requests.LogModel)
      await tracking.noteModel(actor, run_id, model_json)
      return {}
    },
    'POST runs/search': async ({ read, actor }) => {
      const asked = read(requests.SearchRuns)
      const size = pageSize(asked.max_results, 1000, MAX_PAGE)
      const experiments = (asked.experiment_ids ?? []).map(experimentNumber)
      const search = {
        experiments,
        view: asked.run_view_type ?? 'ACTIVE_ONLY',
        filter: asked.filter,
        orderBy: asked.order_by,
      } as const
      const { slices, next } = await tracking.searchRuns(actor, search, {
        after: asked.page_token,
        limit: size,
        columns: asked.columns === undefined ? null : columnsOf(asked.columns),
      })
      return jsonOfRuns(slices, next, tracking.keys)
    },
  }
}
