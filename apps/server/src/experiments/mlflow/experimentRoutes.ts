import { invalid, requests, unlessEmpty, type ViewTypeName } from '@tidemark/mlflow-protocol'
import type { Tracking } from '../tracking.ts'
import { MAX_PAGE, page, pageSize, pairs } from './asked.ts'
import type { MlflowRoutes } from './plugin.ts'
import { wireExperiment } from './wire.ts'

/** Experiments of MLflow's REST API. */
export function experimentRoutes(tracking: Tracking): MlflowRoutes {
  const search: MlflowRoutes[string] = async ({ read, actor }) => {
    const asked = read(requests.SearchExperiments)
    if ((asked.max_results ?? 0) > MAX_PAGE) {
      throw invalid(
        `Invalid value ${asked.max_results} for parameter 'max_results' supplied. It must be at most ${MAX_PAGE}`,
      )
    }
    const size = pageSize(asked.max_results, 0, MAX_PAGE)
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
