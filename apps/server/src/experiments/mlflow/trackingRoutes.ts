import {
  artifactFolder,
  experimentNumber,
  invalid,
  offsetOf,
  pathOfUri,
  requests,
  tokenOf,
  unlessEmpty,
  type ViewTypeName,
} from '@tidemark/mlflow-protocol'
import type { Artifacts } from '../artifacts.ts'
import type { RunHistory } from '../history.ts'
import type { Tracking } from '../tracking.ts'
import type { DatasetInput, KeyValue, LoggedMetric } from '../types.ts'
import type { MlflowRoutes } from './plugin.ts'
import { wireExperiment, wireFiles, wireMetric, wireRun, wireRunInfo } from './wire.ts'

const MAX_RUNS = 50_000

interface Pair {
  readonly key: string
  readonly value: string | undefined
}

export function pairs(list: readonly Pair[] | undefined): KeyValue[] {
  return (list ?? []).map(({ key, value }) => ({ key, value: value ?? '' }))
}

/** The size of a page as asked, in bounds. @throws MlflowError for 0, less, or more than `most`. */
export function pageSize(asked: number | undefined, byDefault: number, most: number): number {
  const size = asked ?? byDefault
  if (size < 1) {
    throw invalid(`Invalid value ${size} for parameter 'max_results' supplied. It must be a positive integer`)
  }
  if (size > most) {
    throw invalid(
      `Invalid value ${size} for parameter 'max_results' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.`,
    )
  }
  return size
}

/** A page and the token of the next; one more than a page is asked for, to see whether there is a next. */
export async function page<T>(
  size: number,
  token: string | undefined,
  ask: (offset: number, limit: number) => Promise<T[]>,
): Promise<{ items: T[]; next: { next_page_token?: string } }> {
  const offset = offsetOf(token)
  const found = await ask(offset, size + 1)
  if (found.length <= size) return { items: found, next: {} }
  return { items: found.slice(0, size), next: { next_page_token: tokenOf(offset + size) } }
}

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

/** Experiments of MLflow's REST API. */
export function experimentRoutes(tracking: Tracking): MlflowRoutes {
  const search: MlflowRoutes[string] = async ({ read, actor }) => {
    const asked = read(requests.SearchExperiments)
    const size = pageSize(asked.max_results, 0, MAX_RUNS)
    const view: ViewTypeName = asked.view_type ?? 'ACTIVE_ONLY'
    const { items, next } = await page(size, asked.page_token, (offset, limit) =>
      tracking.searchExperiments(actor, { view, filter: asked.filter, orderBy: asked.order_by, offset, limit }),
    )
    return {
      ...unlessEmpty(
        'experiments',
        items.map((item) => wireExperiment(item, actor.workspace)),
      ),
      ...next,
    }
  }
  return {
    'POST experiments/create': async ({ read, actor }) => {
      const { name, artifact_location, tags } = read(requests.CreateExperiment)
      const id = await tracking.createExperiment(actor, {
        name,
        artifactLocation: artifact_location,
        tags: pairs(tags),
      })
      return { experiment_id: String(id) }
    },
    'GET experiments/get': async ({ read, actor }) => {
      const experiment = await tracking.experiment(actor, read(requests.ExperimentId).experiment_id)
      return { experiment: wireExperiment(experiment, actor.workspace) }
    },
    'GET experiments/get-by-name': async ({ read, actor }) => {
      const experiment = await tracking.experimentByName(actor, read(requests.GetExperimentByName).experiment_name)
      return { experiment: wireExperiment(experiment, actor.workspace) }
    },
    'GET experiments/search': search,
    'POST experiments/search': search,
    'POST experiments/update': async ({ read, actor }) => {
      const { experiment_id, new_name } = read(requests.UpdateExperiment)
      await tracking.renameExperiment(actor, experiment_id, new_name)
      return {}
    },
    'POST experiments/delete': async ({ read, actor }) => {
      await tracking.moveExperiment(actor, read(requests.ExperimentId).experiment_id, 'deleted')
      return {}
    },
    'POST experiments/restore': async ({ read, actor }) => {
      await tracking.moveExperiment(actor, read(requests.ExperimentId).experiment_id, 'active')
      return {}
    },
    'POST experiments/set-experiment-tag': async ({ read, actor }) => {
      const { experiment_id, key, value } = read(requests.SetExperimentTag)
      await tracking.setExperimentTag(actor, experiment_id, { key, value: value ?? '' })
      return {}
    },
    'POST experiments/delete-experiment-tag': async ({ read, actor }) => {
      const { experiment_id, key } = read(requests.DeleteExperimentTag)
      await tracking.removeExperimentTag(actor, experiment_id, key)
      return {}
    },
  }
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
      const size = pageSize(asked.max_results, 1000, MAX_RUNS)
      const experiments = (asked.experiment_ids ?? []).map(experimentNumber)
      const { items, next } = await page(size, asked.page_token, (offset, limit) =>
        tracking.searchRuns(actor, {
          experiments,
          view: asked.run_view_type ?? 'ACTIVE_ONLY',
          filter: asked.filter,
          orderBy: asked.order_by,
          offset,
          limit,
        }),
      )
      return {
        ...unlessEmpty(
          'runs',
          items.map((run) => wireRun(run)),
        ),
        ...next,
      }
    },
  }
}

/** The course of metrics, and the files of runs. */
export function historyRoutes(history: RunHistory, tracking: Tracking, artifacts: Artifacts): MlflowRoutes {
  return {
    'GET metrics/get-history': async ({ read, actor }) => {
      const { run_id, metric_key, max_results, page_token } = read(requests.GetMetricHistory)
      if (max_results === undefined) {
        const metrics = await history.all(actor, run_id, metric_key, offsetOf(page_token))
        return unlessEmpty('metrics', metrics.map(wireMetric))
      }
      const size = pageSize(max_results, 1, Number.MAX_SAFE_INTEGER)
      const { items, next } = await page(size, page_token, (offset, limit) =>
        history.page(actor, run_id, metric_key, offset, limit),
      )
      return { ...unlessEmpty('metrics', items.map(wireMetric)), ...next }
    },
    'GET metrics/get-history-bulk-interval': async ({ read, actor }) => {
      const { run_ids, metric_key, start_step, end_step, max_results } = read(requests.GetMetricHistoryBulkInterval)
      if ((start_step === undefined) !== (end_step === undefined)) {
        throw invalid('If either start step or end step are specified, both must be specified.')
      }
      if (start_step !== undefined && end_step !== undefined && start_step > end_step) {
        throw invalid(
          `end_step must be greater than start_step. Found start_step=${start_step} and end_step=${end_step}.`,
        )
      }
      if (run_ids.length > 100) {
        throw invalid(
          `GetMetricHistoryBulkInterval request must specify at most 100 run_ids. Received ${run_ids.length} run_ids.`,
        )
      }
      const points = max_results ?? 2500
      if (points < 1 || points > 2500) throw invalid('max_results must be between 1 and 2500.')
      const steps = start_step === undefined || end_step === undefined ? null : { from: start_step, to: end_step }
      const metrics = await history.sampled(actor, run_ids, metric_key, points, steps)
      return unlessEmpty(
        'metrics',
        metrics.map((metric) => ({ ...wireMetric(metric), run_id: metric.run })),
      )
    },
    'GET metrics/get-history-bulk': async ({ read, actor }) => {
      const { run_id, metric_key, max_results } = read(requests.GetMetricHistoryBulk)
      if (!run_id?.length) throw invalid('GetMetricHistoryBulk request must specify at least one run_id.')
      if (run_id.length > 100) {
        throw invalid(
          `GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received ${run_id.length} run_ids.`,
        )
      }
      if (metric_key === undefined) throw invalid('GetMetricHistoryBulk request must specify a metric_key.')
      const most = Math.min(max_results ?? 25_000, 25_000)
      const metrics = []
      for (const run of run_id.toSorted()) {
        if (metrics.length >= most) break
        const points = await history.page(actor, run, metric_key, 0, most - metrics.length)
        metrics.push(...points.map((point) => ({ ...wireMetric(point), run_id: run })))
      }
      return { metrics }
    },
    'GET artifacts/list': async ({ read, actor }) => {
      const { run_id, path } = read(requests.ListArtifacts)
      const folder = artifactFolder(path)
      const run = await tracking.run(actor, run_id)
      const root = pathOfUri(run.artifactUri)
      const entries = await artifacts.list(actor, folder === '' ? (root ?? '') : `${root}/${folder}`)
      return { root_uri: run.artifactUri, ...unlessEmpty('files', wireFiles(entries, folder)) }
    },
  }
}
