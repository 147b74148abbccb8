import { randomUUID } from 'node:crypto'
import {
  checkLoggedModelName,
  experimentNumber,
  invalid,
  LOGGED_MODELS,
  type LoggedModelOrder,
  type LoggedModelStatusName,
  missing,
  parseFilter,
} from '@tidemark/mlflow-protocol'
import { type Actor, inTransaction, type Platform, type Queryable, type Tx } from '../platform/index.ts'
import { checkParameter, checkTag } from './checks.ts'
import { experimentById } from './experimentStore.ts'
import * as store from './loggedModelStore.ts'
import { randomName } from './names.ts'
import type { KeyValue, LoggedModel } from './types.ts'

/** The tag in which MLflow keeps the versions that were registered from a logged model. */
const VERSIONS_TAG = 'mlflow.modelVersions'

export type LoggedModels = ReturnType<typeof createLoggedModels>

/** Logged models: what MLflow 3 makes of `log_model` before anything is registered. */
export function createLoggedModels(platform: Platform) {
  const { db, clock, live } = platform
  const nowMs = () => clock.now().getTime()

  async function find(
    on: Queryable,
    workspace: string,
    id: string,
    which: 'active' | 'also deleted' = 'active',
  ): Promise<LoggedModel> {
    const model = await store.loggedModelById(on, workspace, id, which)
    if (!model) throw missing(`Logged model with ID '${id}' not found.`)
    return model
  }

  return {
    async create(
      actor: Actor,
      given: {
        experimentId: string
        name: string | undefined
        modelType: string
        sourceRun: string
        parameters: readonly KeyValue[]
        tags: readonly KeyValue[]
      },
    ): Promise<LoggedModel> {
      actor.require('experiments.write', given.experimentId)
      if (given.name !== undefined) checkLoggedModelName(given.name)
      const experiment = await experimentById(db, actor.workspace, experimentNumber(given.experimentId))
      if (!experiment) throw missing(`No Experiment with id=${given.experimentId} exists`)
      if (experiment.lifecycle !== 'active') {
        throw invalid(
          `The experiment ${experiment.id} must be in the 'active' state. Current state is ${experiment.lifecycle}.`,
        )
      }
      const parameters = onceEach(
        given.parameters.map((parameter, index) => checkParameter(parameter, `params[${index}].`)),
      )
      const tags = given.tags.map((tag, index) => checkTag(tag, `tags[${index}].`))
      const id = `m-${randomUUID().replaceAll('-', '')}`
      const now = nowMs()
      const model: LoggedModel = {
        id,
        experiment: experiment.id,
        name: given.name ?? randomName(),
        artifactUri: `${experiment.artifactLocation}/models/${id}/artifacts`,
        status: 'LOGGED_MODEL_PENDING',
        modelType: given.modelType,
        sourceRun: given.sourceRun,
        createdMs: now,
        updatedMs: now,
        tags: [...new Map(tags.map((tag) => [tag.key, tag]))].map(([, tag]) => tag),
        parameters,
        metrics: [],
      }
      await inTransaction(db, (tx) => store.addLoggedModel(tx, actor.workspace, model))
      return model
    },

    async get(actor: Actor, id: string, which: 'active' | 'also deleted' = 'active'): Promise<LoggedModel> {
      actor.require('experiments.read', id)
      return find(db, actor.workspace, id, which)
    },

    async finalize(actor: Actor, id: string, status: LoggedModelStatusName): Promise<LoggedModel> {
      actor.require('experiments.write', id)
      await find(db, actor.workspace, id)
      await store.finalizeLoggedModel(db, actor.workspace, id, status, nowMs())
      const model = await find(db, actor.workspace, id)
      if (model.sourceRun) live.changed('run', model.sourceRun)
      return model
    },

    /** Deletes a model softly; deleting it again changes nothing. */
    async remove(actor: Actor, id: string): Promise<void> {
      actor.require('experiments.delete', id)
      await find(db, actor.workspace, id, 'also deleted')
      await store.deleteLoggedModel(db, actor.workspace, id, nowMs())
    },

    async setTags(actor: Actor, id: string, tags: readonly KeyValue[]): Promise<void> {
      actor.require('experiments.write', id)
      const checked = tags.map((tag, index) => checkTag(tag, `tags[${index}].`))
      await find(db, actor.workspace, id)
      await store.setLoggedModelTags(db, actor.workspace, id, checked)
    },

    async removeTag(actor: Actor, id: string, key: string): Promise<void> {
      actor.require('experiments.write', id)
      await find(db, actor.workspace, id)
      const removed = await store.removeLoggedModelTag(db, actor.workspace, id, key)
      if (!removed) throw missing(`No tag with key '${key}' found for model with ID '${id}'.`)
    },

    async addParameters(actor: Actor, id: string, parameters: readonly KeyValue[]): Promise<void> {
      actor.require('experiments.write', id)
      const checked = onceEach(parameters.map((parameter, index) => checkParameter(parameter, `params[${index}].`)))
      await inTransaction(db, async (tx) => {
        await find(tx, actor.workspace, id)
        await store.addLoggedModelParameters(tx, actor.workspace, id, checked)
        const now = new Map((await find(tx, actor.workspace, id)).parameters.map(({ key, value }) => [key, value]))
        const clash = checked.find(({ key, value }) => now.get(key) !== value)
        if (clash) throw changedParameter(id, clash, now.get(clash.key) ?? '')
      })
    },

    async search(
      actor: Actor,
      question: {
        experimentIds: readonly string[]
        filter: string | undefined
        orderBy: readonly LoggedModelOrder[]
        datasets: readonly { name: string; digest: string | null }[]
        offset: number
        limit: number
      },
    ): Promise<LoggedModel[]> {
      actor.require('experiments.read')
      return store.searchLoggedModels(db, actor.workspace, {
        experiments: question.experimentIds.map(experimentNumber),
        clauses: parseFilter(question.filter, LOGGED_MODELS),
        sort: question.orderBy.map(sortOf),
        datasets: question.datasets,
        offset: question.offset,
        limit: question.limit,
      })
    },

    async datasetsOf(actor: Actor, experimentIds: readonly string[]) {
      actor.require('experiments.read')
      return store.datasetsOf(db, actor.workspace, experimentIds.map(experimentNumber))
    },

    /** The logged model in a transaction of the registry; null when there is none. */
    byId(on: Queryable, workspace: string, id: string): Promise<LoggedModel | null> {
      return store.loggedModelById(on, workspace, id)
    },

    /** Notes in the model's tags that a version was registered from it, as MLflow's server does. */
    async noteVersion(tx: Tx, workspace: string, model: LoggedModel, name: string, version: number): Promise<void> {
      const before = model.tags.find((tag) => tag.key === VERSIONS_TAG)?.value
      let list: unknown[] = []
      try {
        const parsed: unknown = JSON.parse(before ?? '[]')
        if (Array.isArray(parsed)) list = parsed
      } catch {
        // A person wrote something else into the tag: begin again.
      }
      const value = JSON.stringify([...list, { name, version }])
      await store.setLoggedModelTags(tx, workspace, model.id, [{ key: VERSIONS_TAG, value }])
    },
  }
}

/** Parameters are written once: the same one twice is one, another value for it is refused. */
function onceEach(parameters: readonly KeyValue[]): KeyValue[] {
  const seen = new Map<string, KeyValue>()
  for (const parameter of parameters) {
    const before = seen.get(parameter.key)
    if (before && before.value !== parameter.value) throw changedParameter('', parameter, before.value)
    seen.set(parameter.key, parameter)
  }
  return [...seen.values()]
}

function changedParameter(id: string, { key, value }: KeyValue, before: string): Error {
  const whose = id === '' ? '' : ` for model ID='${id}'`
  return invalid(
    `Changing param values is not allowed. Param with key='${key}' was already logged with value='${before}'${whose}. Attempted logging new value '${value}'.`,
  )
}

/** What a search sorts by: an attribute, or a metric, perhaps on one data set alone. */
function sortOf(order: LoggedModelOrder): store.LoggedModelSort {
  const field = order.field_name
  const dot = field.indexOf('.')
  if (dot < 0) {
    const column = Object.hasOwn(LOGGED_MODELS.attributes, field) ? LOGGED_MODELS.attributes[field]?.column : undefined
    if (column === undefined) throw invalid(`Invalid order by field name: ${field}`)
    return { kind: 'attribute', column, ascending: order.ascending }
  }
  if (field.slice(0, dot) !== 'metrics') {
    throw invalid(`Invalid order by field name: ${field}. Only metrics are supported.`)
  }
  const dataset = { name: order.dataset_name, digest: order.dataset_digest }
  return { kind: 'metric', key: field.slice(dot + 1), dataset, ascending: order.ascending }
}
