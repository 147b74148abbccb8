import {
  registry as contract,
  type RegisteredModelSummary,
  type RegisteredVersion,
  type VersionSummary,
} from '@tidemark/contracts'
import { originOf } from '../experiments/index.ts'
import { type HttpServer, mount, NotFound, type Platform } from '../platform/index.ts'
import type { Registry } from './service.ts'
import type { RegistryPorts } from './source.ts'
import { aliasHistory } from './store.ts'
import type { AliasChange, ModelVersion, RegisteredModel } from './types.ts'

const HISTORY = 1000

/** The own API of the registry. */
export function registryApi(app: HttpServer, platform: Platform, registry: Registry, ports: RegistryPorts): void {
  const { db } = platform

  mount(app, contract.listModels, async ({ query }, { actor }) => {
    const search = query.search.toLowerCase()
    const models = await registry.searchModels(actor, {
      filter: undefined,
      orderBy: undefined,
      offset: 0,
      limit: 10_000,
    })
    const shown = models.filter((model) => model.name.toLowerCase().includes(search)).slice(0, query.limit)
    const latest = await registry.latestVersions(
      actor,
      shown.map((model) => model.name),
    )
    const counts = await registry.countVersions(actor)
    return {
      models: shown.map((model) => ({
        ...headOf(
          model,
          latest.filter((version) => version.model === model.name),
        ),
        versions: counts.get(model.name) ?? 0,
      })),
    }
  })

  mount(app, contract.getModel, async ({ params }, { actor }) => {
    const model = await registry.getModel(actor, params.model)
    const versions = await registry.versionsOf(actor, model.name)
    const history = await aliasHistory(db, actor.workspace, model.name, { limit: HISTORY })
    return { ...headOf(model, versions), versions: versions.map(summaryOf), aliasHistory: history.map(changeOf) }
  })

  mount(app, contract.getVersion, async ({ params }, { actor }) => {
    const version = await registry.getVersion(actor, params.model, params.version)
    const files = await registry.files(actor, params.model, params.version)
    const run = version.run === '' ? null : await ports.run(db, actor.workspace, version.run)
    const runTags = new Map((run?.tags ?? []).map((tag) => [tag.key, tag.value]))
    return {
      ...summaryOf(version),
      digest: version.digest,
      files,
      signature: version.signature === null ? null : [...version.signature],
      flavors: [...version.flavors],
      run: run && {
        id: run.id,
        name: run.name,
        experimentId: String(run.experiment),
        tags: Object.fromEntries(runTags),
      },
      origin: originOf(runTags),
      metrics: (run?.metrics ?? []).map(({ key, value }) => ({ key, value: Number.isFinite(value) ? value : null })),
    } satisfies RegisteredVersion
  })

  mount(app, contract.aliasAt, async ({ params, query }, { actor }) => {
    const model = await registry.getModel(actor, params.model)
    const until = query.at === undefined ? {} : { until: new Date(query.at) }
    const question = { alias: params.alias, ...until, limit: 1 }
    const [change] = await aliasHistory(db, actor.workspace, model.name, question)
    if (!change && query.at === undefined) throw NotFound(`alias "${params.alias}" of model ${model.name}`)
    return {
      model: model.name,
      alias: params.alias,
      version: change?.version ?? null,
      since: change?.at.toISOString() ?? null,
    }
  })

  mount(app, contract.aliasHistory, async ({ params, query }, { actor }) => {
    const { name } = await registry.getModel(actor, params.model)
    const changes = await aliasHistory(db, actor.workspace, name, { alias: params.alias, limit: query.limit })
    if (changes.length === 0) throw NotFound(`alias "${params.alias}" of model ${name}`)
    return { model: name, alias: params.alias, changes: changes.map(changeOf) }
  })

  mount(app, contract.setAlias, async ({ params, body }, { actor }) => {
    const previousVersion = await registry.setAlias(actor, params.model, params.alias, body.version)
    return { model: params.model, alias: params.alias, version: body.version, previousVersion }
  })
}

function headOf(model: RegisteredModel, versions: readonly ModelVersion[]): Omit<RegisteredModelSummary, 'versions'> {
  return {
    name: model.name,
    description: model.description,
    tags: record(model.tags),
    latestVersion: versions.reduce<number | null>((most, { version }) => Math.max(most ?? 0, version), null),
    aliases: Object.fromEntries(model.aliases.map(({ alias, version }) => [alias, version])),
    createdAt: new Date(model.createdMs).toISOString(),
    updatedAt: new Date(model.updatedMs).toISOString(),
  }
}

function summaryOf(version: ModelVersion): VersionSummary {
  return {
    model: version.model,
    version: version.version,
    description: version.description,
    tags: record(version.tags),
    aliases: [...version.aliases],
    runId: version.run || null,
    source: version.source,
    status: 'READY',
    user: version.user,
    createdAt: new Date(version.createdMs).toISOString(),
  }
}

function changeOf(change: AliasChange) {
  return { ...change, at: change.at.toISOString() }
}

function record(list: readonly { key: string; value: string }[]): Record<string, string> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value]))
}
