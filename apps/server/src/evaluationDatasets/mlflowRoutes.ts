import { invalid, offsetOf, requests, tokenOf, unlessEmpty } from '@tidemark/mlflow-protocol'
import type { MlflowCall, MlflowRoutes } from '../experiments/index.ts'
import { readRecords } from './decide.ts'
import { isObject, type Json, JsonNumber, type JsonObject, readJson, writeJson } from './json.ts'
import type { EvaluationDatasets } from './service.ts'
import type { EvaluationDataset, EvaluationRecord } from './types.ts'

const MOST_DATASETS = 50_000
const idOf = (call: MlflowCall) => call.params.dataset_id ?? ''

function wireDataset(dataset: EvaluationDataset, experiments: readonly string[] = []) {
  return {
    dataset_id: dataset.id,
    name: dataset.name,
    tags: writeJson(dataset.tags),
    ...(dataset.schema === null ? {} : { schema: dataset.schema }),
    ...(dataset.profile === null ? {} : { profile: dataset.profile }),
    digest: dataset.digest,
    created_time: dataset.createdMs,
    last_update_time: dataset.updatedMs,
    ...(dataset.createdBy === null ? {} : { created_by: dataset.createdBy }),
    ...(dataset.updatedBy === null ? {} : { last_updated_by: dataset.updatedBy }),
    ...unlessEmpty('experiment_ids', experiments),
  }
}

function wireRecord(dataset: string, record: EvaluationRecord): JsonObject {
  const { source, expectations, createdBy, updatedBy, outputs } = record
  const data = source && isObject(source.source_data) ? source.source_data : {}
  const sourceId = source?.source_type === 'TRACE' ? data.trace_id : data.source_id
  const fields: [string, Json | undefined][] = [
    ['dataset_record_id', record.id],
    ['dataset_id', dataset],
    ['inputs', record.inputs],
    ['expectations', expectations ?? undefined],
    ['tags', record.tags],
    ['source', source ?? undefined],
    ['source_id', typeof sourceId === 'string' ? sourceId : undefined],
    ['source_type', source?.source_type],
    ['created_time', new JsonNumber(String(record.createdMs))],
    ['last_update_time', new JsonNumber(String(record.updatedMs))],
    ['created_by', createdBy ?? undefined],
    ['last_updated_by', updatedBy ?? undefined],
    ['outputs', outputs ?? undefined],
  ]
  return Object.fromEntries(fields.filter((field): field is [string, Json] => field[1] !== undefined))
}

function tagsOf(text: string | undefined): JsonObject {
  if (!text) return {}
  const tags = readJson(text, 'tags')
  if (!isObject(tags)) throw invalid("Invalid value for parameter 'tags' supplied: it must be a JSON object.")
  return tags
}

/** Evaluation datasets of MLflow's REST API, below `3.0/mlflow`. */
export function evaluationDatasetRoutes(datasets: EvaluationDatasets): MlflowRoutes {
  const search: MlflowRoutes[string] = async ({ read, actor }) => {
    const asked = read(requests.SearchEvaluationDatasets)
    const size = asked.max_results || 1000
    if (size < 1) {
      throw invalid(`Invalid value ${size} for parameter 'max_results' supplied. It must be a positive integer`)
    }
    if (size > MOST_DATASETS) {
      throw invalid(`Invalid value ${size} for parameter 'max_results' supplied. It must be at most ${MOST_DATASETS}`)
    }
    const offset = offsetOf(asked.page_token)
    const found = await datasets.search(actor, {
      experiments: asked.experiment_ids ?? [],
      filter: asked.filter_string,
      orderBy: asked.order_by,
      offset,
      limit: size + 1,
    })
    return {
      ...unlessEmpty(
        'datasets',
        found.slice(0, size).map((dataset) => wireDataset(dataset)),
      ),
      ...(found.length > size ? { next_page_token: tokenOf(offset + size) } : {}),
    }
  }
  return {
    'POST datasets/create': async ({ read, actor }) => {
      const { name, tags, experiment_ids } = read(requests.CreateEvaluationDataset)
      const experiments = experiment_ids ?? []
      return {
        dataset: wireDataset(await datasets.create(actor, { name, tags: tagsOf(tags), experiments }), experiments),
      }
    },
    'GET datasets/search': search,
    'POST datasets/search': search,
    'GET datasets/:dataset_id': async (call) => ({ dataset: wireDataset(await datasets.get(call.actor, idOf(call))) }),
    'DELETE datasets/:dataset_id': async (call) => {
      await datasets.remove(call.actor, idOf(call))
      return {}
    },
    'PATCH datasets/:dataset_id/tags': async (call) => {
      await datasets.setTags(call.actor, idOf(call), tagsOf(call.read(requests.SetEvaluationDatasetTags).tags))
      return {}
    },
    'DELETE datasets/:dataset_id/tags/:key': async (call) => {
      await datasets.removeTag(call.actor, idOf(call), call.params.key ?? '')
      return {}
    },
    'GET datasets/:dataset_id/experiment-ids': async (call) =>
      unlessEmpty('experiment_ids', await datasets.experimentIds(call.actor, idOf(call))),
    'POST datasets/:dataset_id/add-experiments': async (call) => {
      const { experiment_ids } = call.read(requests.EvaluationDatasetExperiments)
      return { dataset: wireDataset(await datasets.addToExperiments(call.actor, idOf(call), experiment_ids ?? [])) }
    },
    'POST datasets/:dataset_id/remove-experiments': async (call) => {
      const { experiment_ids } = call.read(requests.EvaluationDatasetExperiments)
      return {
        dataset: wireDataset(await datasets.removeFromExperiments(call.actor, idOf(call), experiment_ids ?? [])),
      }
    },
    'POST datasets/:dataset_id/records': async (call) => {
      const records = readRecords(call.read(requests.UpsertEvaluationRecords).records)
      const { inserted, updated } = await datasets.upsertRecords(call.actor, idOf(call), records)
      return { inserted_count: inserted, updated_count: updated }
    },
    'GET datasets/:dataset_id/records': async (call) => {
      const { max_results, page_token } = call.read(requests.GetEvaluationRecords)
      const size = max_results || 1000
      if (size < 1)
        throw invalid(`Invalid value ${size} for parameter 'max_results' supplied. It must be a positive integer`)
      const found = await datasets.records(call.actor, idOf(call), offsetOf(page_token), size + 1)
      const page = found.slice(0, size)
      const last = page.at(-1)
      return {
        records: writeJson(page.map(({ record }) => wireRecord(idOf(call), record))),
        ...(found.length > size && last ? { next_page_token: tokenOf(last.position) } : {}),
      }
    },
    'DELETE datasets/:dataset_id/records': async (call) => {
      const { dataset_record_ids } = call.read(requests.DeleteEvaluationRecords)
      return { deleted_count: await datasets.removeRecords(call.actor, idOf(call), dataset_record_ids ?? []) }
    },
  }
}
