import {
  invalid,
  requests,
  unlessEmpty,
  versionNumber,
  type WireModelVersion,
  type WireRegisteredModel,
} from '@tidemark/mlflow-protocol'
import { type MlflowRoutes, page, pageSize, pairs } from '../experiments/index.ts'
import { stageOf } from './asked.ts'
import type { Registry } from './service.ts'
import type { ModelVersion, RegisteredModel } from './types.ts'

export function wireVersion(version: ModelVersion): WireModelVersion {
  return {
    name: version.model,
    version: String(version.version),
    creation_timestamp: version.createdMs,
    last_updated_timestamp: version.updatedMs,
    current_stage: version.stage,
    description: version.description,
    source: version.source,
    run_id: version.run,
    status: 'READY',
    ...unlessEmpty('tags', version.tags),
    run_link: version.runLink,
    ...unlessEmpty('aliases', version.aliases),
  }
}

function wireModel(model: RegisteredModel, latest: readonly ModelVersion[]): WireRegisteredModel {
  return {
    name: model.name,
    creation_timestamp: model.createdMs,
    last_updated_timestamp: model.updatedMs,
    ...(model.description === '' ? {} : { description: model.description }),
    ...unlessEmpty('latest_versions', latest.filter((version) => version.model === model.name).map(withoutAliases)),
    ...unlessEmpty('tags', model.tags),
    ...unlessEmpty(
      'aliases',
      model.aliases.map(({ alias, version }) => ({ alias, version: String(version) })),
    ),
  }
}

// MLflow gives the aliases beside the model there, not with each version; and not with the versions that a search finds.
function withoutAliases(version: ModelVersion): WireModelVersion {
  return wireVersion({ ...version, aliases: [] })
}

/** Registered models of MLflow's REST API. */
export function modelRoutes(registry: Registry): MlflowRoutes {
  const one: MlflowRoutes[string] = async ({ read, actor }) => {
    const asked = read(requests.GetLatestVersions)
    await registry.getModel(actor, asked.name)
    const latest = await registry.latestVersions(actor, [asked.name])
    const stages = asked.stages?.map(stageOf)
    const wanted = stages?.length ? latest.filter((version) => stages.includes(version.stage)) : latest
    return unlessEmpty('model_versions', wanted.map(wireVersion))
  }
  return {
    'POST registered-models/create': async ({ read, actor }) => {
      const { name, description, tags } = read(requests.CreateRegisteredModel)
      const model = await registry.createModel(actor, name, description ?? '', pairs(tags))
      return { registered_model: wireModel(model, []) }
    },
    'GET registered-models/get': async ({ read, actor }) => {
      const { name } = read(requests.ModelName)
      const model = await registry.getModel(actor, name)
      const tags = [...model.tags, ...(await registry.historyTags(actor, name))]
      return { registered_model: wireModel({ ...model, tags }, await registry.latestVersions(actor, [name])) }
    },
    'PATCH registered-models/update': async ({ read, actor }) => {
      const { name, description } = read(requests.UpdateRegisteredModel)
      const model = await registry.describeModel(actor, name, description ?? '')
      return { registered_model: wireModel(model, await registry.latestVersions(actor, [name])) }
    },
    'POST registered-models/rename': async ({ read, actor }) => {
      const { name, new_name } = read(requests.RenameRegisteredModel)
      const model = await registry.renameModel(actor, name, new_name)
      return { registered_model: wireModel(model, await registry.latestVersions(actor, [new_name])) }
    },
    'DELETE registered-models/delete': async ({ read, actor }) => {
      await registry.deleteModel(actor, read(requests.ModelName).name)
      return {}
    },
    'GET registered-models/search': async ({ read, actor }) => {
      const { filter, order_by, max_results, page_token } = read(requests.SearchRegistry)
      const size = pageSize(max_results, 100, 1000, 'query')
      const { items, next } = await page(size, page_token, (offset, limit) =>
        registry.searchModels(actor, { filter, orderBy: order_by, offset, limit }),
      )
      const names = items.map((model) => model.name)
      const latest = await registry.latestVersions(actor, names)
      return {
        ...unlessEmpty(
          'registered_models',
          // By stage, as MLflow's search gives them; by number elsewhere.
          items.map((model) =>
            wireModel(
              model,
              latest.toSorted((a, b) => (a.stage < b.stage ? -1 : Number(a.stage > b.stage))),
            ),
          ),
        ),
        ...next,
      }
    },
    'GET registered-models/get-latest-versions': one,
    'POST registered-models/get-latest-versions': one,
    'POST registered-models/set-tag': async ({ read, actor }) => {
      const { name, key, value } = read(requests.SetModelTag)
      await registry.setModelTag(actor, name, { key, value: value ?? '' })
      return {}
    },
    'DELETE registered-models/delete-tag': async ({ read, actor }) => {
      const { name, key } = read(requests.DeleteModelTag)
      await registry.removeModelTag(actor, name, key)
      return {}
    },
    'POST registered-models/alias': async ({ read, actor }) => {
      const { name, alias, version } = read(requests.SetAlias)
      await registry.setAlias(actor, name, alias, versionNumber(version))
      return {}
    },
    'DELETE registered-models/alias': async ({ read, actor }) => {
      const { name, alias } = read(requests.Alias)
      await registry.removeAlias(actor, name, alias)
      return {}
    },
    'GET registered-models/alias': async ({ read, actor }) => {
      const { name, alias } = read(requests.Alias)
      return { model_version: wireVersion(await registry.versionByAlias(actor, name, alias)) }
    },
  }
}

/** Model versions of MLflow's REST API. */
export function versionRoutes(registry: Registry): MlflowRoutes {
  return {
    'POST model-versions/create': async ({ read, actor }) => {
      const asked = read(requests.CreateModelVersion)
      const version = await registry.createVersion(actor, {
        model: asked.name,
        source: asked.source,
        run: asked.run_id ?? '',
        loggedModel: asked.model_id ?? '',
        runLink: asked.run_link ?? '',
        description: asked.description ?? '',
        tags: pairs(asked.tags),
      })
      return { model_version: wireVersion(version) }
    },
    'GET model-versions/get': async ({ read, actor }) => {
      const { name, version } = read(requests.ModelVersionId)
      return { model_version: wireVersion(await registry.getVersion(actor, name, versionNumber(version))) }
    },
    'PATCH model-versions/update': async ({ read, actor }) => {
      const { name, version, description } = read(requests.UpdateModelVersion)
      const updated = await registry.describeVersion(actor, name, versionNumber(version), description ?? '')
      return { model_version: wireVersion(updated) }
    },
    'POST model-versions/transition-stage': async ({ read, actor }) => {
      const { name, version, stage, archive_existing_versions } = read(requests.TransitionStage)
      const number = versionNumber(version)
      const moved = await registry.moveStage(actor, name, number, stage, archive_existing_versions ?? false)
      return { model_version: wireVersion(moved) }
    },
    'DELETE model-versions/delete': async ({ read, actor }) => {
      const { name, version } = read(requests.ModelVersionId)
      await registry.deleteVersion(actor, name, versionNumber(version))
      return {}
    },
    'GET model-versions/get-download-uri': async ({ read, actor }) => {
      const { name, version } = read(requests.ModelVersionId)
      const { storageUri } = await registry.getVersion(actor, name, versionNumber(version))
      return { artifact_uri: storageUri }
    },
    'GET model-versions/search': async ({ read, actor }) => {
      const { filter, order_by, max_results, page_token } = read(requests.SearchRegistry)
      if (max_results !== undefined && max_results < 1) {
        throw invalid(`Invalid value for max_results. It must be a positive integer, but got ${max_results}`)
      }
      const size = pageSize(max_results, 200_000, 200_000, 'query')
      const { items, next } = await page(size, page_token, (offset, limit) =>
        registry.searchVersions(actor, { filter, orderBy: order_by, offset, limit }),
      )
      return { ...unlessEmpty('model_versions', items.map(withoutAliases)), ...next }
    },
    'POST model-versions/set-tag': async ({ read, actor }) => {
      const { name, version, key, value } = read(requests.SetVersionTag)
      await registry.setVersionTag(actor, name, versionNumber(version), { key, value: value ?? '' })
      return {}
    },
    'DELETE model-versions/delete-tag': async ({ read, actor }) => {
      const { name, version, key } = read(requests.DeleteVersionTag)
      await registry.removeVersionTag(actor, name, versionNumber(version), key)
      return {}
    },
  }
}
