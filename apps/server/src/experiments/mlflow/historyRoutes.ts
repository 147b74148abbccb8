import { artifactFolder, invalid, offsetOf, requests, unlessEmpty } from '@tidemark/mlflow-protocol'
import type { Artifacts } from '../artifacts.ts'
import type { RunHistory } from '../history.ts'
import { ownFolder } from '../location.ts'
import type { Tracking } from '../tracking.ts'
import { page } from './asked.ts'
import type { MlflowRoutes } from './plugin.ts'
import { courseText } from './runText.ts'
import { wireFiles, wireMetric } from './wire.ts'

/** The course of metrics, and the files of runs. */
export function historyRoutes(history: RunHistory, tracking: Tracking, artifacts: Artifacts): MlflowRoutes {
  return {
    'GET metrics/get-history': async ({ read, actor }) => {
      const { run_id, metric_key, max_results, page_token } = read(requests.GetMetricHistory)
      if (max_results === undefined) {
        const metrics = await history.all(actor, run_id, metric_key, offsetOf(page_token))
        return courseText(metric_key, metrics)
      }
      if (max_results < 1) {
        throw invalid(
          `Invalid value ${max_results} for parameter 'max_results' supplied. It must be a positive integer.`,
        )
      }
      const size = max_results
      const { items, next } = await page(size, page_token, (offset, limit) =>
        history.page(actor, run_id, metric_key, offset, limit),
      )
      return courseText(metric_key, items, next)
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
          `GetMetricHistoryBulkInterval request must specify at most 100 run_ids. Received ${run_ids.length} run_ids. See the API docs for more information about request parameters.`,
        )
      }
      const points = max_results ?? 2500
      if (points < 1 || points > 2500)
        throw invalid(
          'max_results must be between 1 and 2500. See the API docs for more information about request parameters.',
        )
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
        metrics.push(...points.map((point) => ({ ...wireMetric({ ...point, key: metric_key }), run_id: run })))
      }
      return { metrics }
    },
    'GET artifacts/list': async ({ read, actor }) => {
      const { run_id, path } = read(requests.ListArtifacts)
      const folder = artifactFolder(path)
      const run = await tracking.run(actor, run_id)
      const root = ownFolder(run.artifactUri)
      const entries = await artifacts.list(actor, folder === '' ? root : `${root}/${folder}`)
      return { root_uri: run.artifactUri, ...unlessEmpty('files', wireFiles(entries, folder)) }
    },
  }
}
