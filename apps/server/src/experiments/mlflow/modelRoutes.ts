import {
  artifactFolder,
  invalid,
  loggedModelOffset,
  loggedModelToken,
  requests,
  unlessEmpty,
} from '@tidemark/mlflow-protocol'
import type { Artifacts } from '../artifacts.ts'
import { ownFolder } from '../location.ts'
import type { LoggedModels } from '../loggedModels.ts'
import { pageSize, pairs } from './asked.ts'
import type { MlflowCall, MlflowRoutes } from './plugin.ts'
import { wireFiles, wireLoggedModel } from './wire.ts'

const idOf = (call: MlflowCall) => call.params.model_id ?? ''

/** Logged models of MLflow's REST API. */
export function loggedModelRoutes(models: LoggedModels, artifacts: Artifacts): MlflowRoutes {
  return {
    'POST logged-models': async ({ read, actor }) => {
      const asked = read(requests.CreateLoggedModel)
      const model = await models.create(actor, {
        experimentId: asked.experiment_id,
        name: asked.name || undefined,
        modelType: asked.model_type ?? '',
        sourceRun: asked.source_run_id ?? '',
        parameters: pairs(asked.params),
        tags: pairs(asked.tags),
      })
      return { model: wireLoggedModel(model) }
    },
    'POST logged-models/search': async ({ read, actor }) => {
      const asked = read(requests.SearchLoggedModels)
      const size = pageSize(asked.max_results || undefined, 100, 1000)
      const orderBy = (asked.order_by ?? []).map((order) => ({
        field_name: order.field_name ?? '',
        ascending: order.ascending ?? true,
        dataset_name: order.dataset_name || null,
        dataset_digest: order.dataset_digest || null,
      }))
      const datasets = (asked.datasets ?? []).map(({ dataset_name, dataset_digest }) => {
        if (!dataset_name) throw invalid('`dataset_name` in the `datasets` clause must be specified.')
        return { name: dataset_name, digest: dataset_digest || null }
      })
      const question = {
        experiment_ids: asked.experiment_ids,
        filter_string: asked.filter || null,
        order_by: orderBy.length === 0 ? null : orderBy,
      }
      const offset = loggedModelOffset(asked.page_token, question)
      const found = await models.search(actor, {
        experimentIds: asked.experiment_ids,
        filter: asked.filter,
        orderBy,
        datasets,
        offset,
        limit: size + 1,
      })
      return {
        ...unlessEmpty('models', found.slice(0, size).map(wireLoggedModel)),
        ...(found.length > size ? { next_page_token: loggedModelToken(question, offset + size) } : {}),
      }
    },
    'GET logged-models/:model_id': async (call) => {
      const which = String(call.query.allow_deleted).toLowerCase() === 'true' ? 'also deleted' : 'active'
      return { model: wireLoggedModel(await models.get(call.actor, idOf(call), which)) }
    },
    'PATCH logged-models/:model_id': async (call) => {
      const { status } = call.read(requests.FinalizeLoggedModel)
      return { model: wireLoggedModel(await models.finalize(call.actor, idOf(call), status)) }
    },
    'DELETE logged-models/:model_id': async (call) => {
      await models.remove(call.actor, idOf(call))
      return {}
    },
    'PATCH logged-models/:model_id/tags': async (call) => {
      const { tags } = call.read(requests.SetLoggedModelTags)
      await models.setTags(call.actor, idOf(call), pairs(tags))
      return {}
    },
    'DELETE logged-models/:model_id/tags/:key': async (call) => {
      await models.removeTag(call.actor, idOf(call), call.params.key ?? '')
      return {}
    },
    'POST logged-models/:model_id/params': async (call) => {
      const { params } = call.read(requests.LogLoggedModelParameters)
      await models.addParameters(call.actor, idOf(call), pairs(params))
      return {}
    },
    'GET logged-models/:model_id/artifacts/directories': async (call) => {
      const { artifact_directory_path } = call.read(requests.ListLoggedModelArtifacts)
      const folder = artifactFolder(artifact_directory_path)
      const model = await models.get(call.actor, idOf(call))
      const root = ownFolder(model.artifactUri)
      const entries = await artifacts.list(call.actor, folder === '' ? root : `${root}/${folder}`)
      return { root_uri: model.artifactUri, ...unlessEmpty('files', wireFiles(entries, folder)) }
    },
    'POST experiments/search-datasets': async (call) => {
      const { experiment_ids } = call.read(requests.SearchRuns)
      if (!experiment_ids?.length) throw invalid('SearchDatasets request must specify at least one experiment_id.')
      if (experiment_ids.length > 20) {
        throw invalid(
          `SearchDatasets request cannot specify more than 20 experiment_ids. Received ${experiment_ids.length} experiment_ids.`,
        )
      }
      if (experiment_ids.length > 20) {
        throw invalid(
          `SearchDatasets request cannot specify more than 20 experiment_ids. Received ${experiment_ids.length} experiment_ids.`,
        )
      }
      const found = await models.datasetsOf(call.actor, experiment_ids)
      return unlessEmpty(
        'dataset_summaries',
        found.map((dataset) => ({
          experiment_id: String(dataset.experiment),
          name: dataset.name,
          digest: dataset.digest,
          ...(dataset.context === null ? {} : { context: dataset.context }),
        })),
      )
    },
  }
}
