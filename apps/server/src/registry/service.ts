import { createHash } from 'node:crypto'
import {
  aliasRemoved,
  aliasSet,
  candidateRegistered,
  type EventRecord,
  parseModelVersionRef,
  pipelineSucceeded,
  versionDeleted,
  versionRegistered,
} from '@tidemark/contracts'
import {
  ARTIFACT_SCHEME,
  checkAlias,
  checkAliasIsFree,
  checkKey,
  checkLength,
  checkModelName,
  exists,
  invalid,
  LIMITS,
  MODEL_VERSIONS,
  missing,
  parseFilter,
  parseOrderBy,
  REGISTERED_MODELS,
} from '@tidemark/mlflow-protocol'
import type { ArtifactFile, KeyValue } from '../experiments/index.ts'
import { type Actor, inTransaction, type Platform, type Queryable, type Tx } from '../platform/index.ts'
import { readModelFile } from './modelFile.ts'
import { searchModels, searchVersions } from './searchStore.ts'
import { type NewVersion, type RegistryPorts, resolveSource } from './source.ts'
import * as store from './store.ts'
import type { ModelVersion, RegisteredModel, Stage } from './types.ts'
import * as versions from './versionStore.ts'

const STAGES: readonly Stage[] = ['None', 'Staging', 'Production', 'Archived']
// An MLmodel is a few kilobytes; one of more than this is not read.
const MAX_MODEL_FILE_BYTES = 1024 * 1024

export interface Search {
  readonly filter: string | undefined
  readonly orderBy: readonly string[] | undefined
  readonly offset: number
  readonly limit: number
}

export type Registry = ReturnType<typeof createService>

/** The model registry: names, versions whose files never change, aliases whose history is kept. */
export function createService(platform: Platform, ports: RegistryPorts) {
  const { db, clock, events, blobs } = platform
  const nowMs = () => clock.now().getTime()

  async function model(on: Queryable, workspace: string, name: string): Promise<RegisteredModel> {
    checkModelName(name)
    const found = await store.modelByName(on, workspace, name)
    if (!found) throw missing(`Registered Model with name=${name} not found`)
    return found
  }

  async function version(on: Queryable, workspace: string, name: string, number: number): Promise<ModelVersion> {
    checkModelName(name)
    const found = await versions.versionByNumber(on, workspace, name, number)
    if (!found) throw missing(`Model Version (name=${name}, version=${number}) not found`)
    return found
  }

  async function modelFile(tx: Tx, workspace: string, files: readonly ArtifactFile[]) {
    const file = files.find(({ path }) => path === 'MLmodel')
    if (!file || file.bytes > MAX_MODEL_FILE_BYTES) return readModelFile('')
    const { stream } = await blobs.open(tx, workspace, file.digest)
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    return readModelFile(Buffer.concat(chunks).toString('utf8'))
  }

  /** Takes aliases away; the caller deletes what they pointed to or nothing. */
  async function dropAliases(
    tx: Tx,
    actor: Actor,
    name: string,
    aliases: readonly { alias: string; version: number }[],
  ): Promise<void> {
    for (const { alias, version: previousVersion } of aliases) {
      const change = { alias, version: null, previousVersion, by: actor.ref, at: clock.now() }
      await store.moveAlias(tx, actor.workspace, name, change)
    }
  }

  async function tellAliasesRemoved(
    tx: Tx,
    actor: Actor,
    name: string,
    aliases: readonly { alias: string; version: number }[],
  ): Promise<void> {
    for (const { alias, version: previousVersion } of aliases) {
      await events.append(tx, actor, aliasRemoved, { model: name, alias, previousVersion })
    }
  }

  async function pointAlias(tx: Tx, actor: Actor, name: string, alias: string, number: number): Promise<number | null> {
    const locked = await store.lockModel(tx, actor.workspace, name)
    if (!locked) throw missing(`Registered Model with name=${name} not found`)
    await version(tx, actor.workspace, name, number)
    const previousVersion = await store.aliasTarget(tx, actor.workspace, name, alias)
    if (previousVersion === number) return previousVersion
    const change = { alias, version: number, previousVersion, by: actor.ref, at: clock.now() }
    await store.moveAlias(tx, actor.workspace, name, change)
    await events.append(tx, actor, aliasSet, { model: name, version: number, alias, previousVersion })
    return previousVersion
  }

  return {
    async createModel(actor: Actor, name: string, description: string, tags: readonly KeyValue[]) {
      actor.require('registry.write', name)
      checkModelName(name)
      for (const tag of tags) checkTag(tag)
      return inTransaction(db, async (tx) => {
        const added = await store.addModel(tx, actor.workspace, name, description, nowMs())
        if (!added) throw exists(`Registered Model (name=${name}) already exists.`)
        for (const tag of tags) await store.setModelTag(tx, actor.workspace, name, tag)
        return model(tx, actor.workspace, name)
      })
    },

    async getModel(actor: Actor, name: string): Promise<RegisteredModel> {
      actor.require('registry.read', name)
      return model(db, actor.workspace, name)
    },

    async describeModel(actor: Actor, name: string, description: string): Promise<RegisteredModel> {
      actor.require('registry.write', name)
      return inTransaction(db, async (tx) => {
        await model(tx, actor.workspace, name)
        await store.describeModel(tx, actor.workspace, name, description, nowMs())
        return model(tx, actor.workspace, name)
      })
    },

    async renameModel(actor: Actor, name: string, newName: string): Promise<RegisteredModel> {
      actor.require('registry.write', name)
      checkModelName(newName, 'new_name')
      return inTransaction(db, async (tx) => {
        await model(tx, actor.workspace, name)
        const renamed = await store.renameModel(tx, actor.workspace, name, newName, nowMs())
        if (!renamed) throw exists(`Registered Model (name=${newName}) already exists.`)
        return model(tx, actor.workspace, newName)
      })
    },

    async deleteModel(actor: Actor, name: string): Promise<void> {
      actor.require('registry.write', name)
      await inTransaction(db, async (tx) => {
        const found = await model(tx, actor.workspace, name)
        const all = await versions.versionsOfModel(tx, actor.workspace, name)
        await dropAliases(tx, actor, name, found.aliases)
        await store.deleteModel(tx, actor.workspace, name, nowMs())
        await tellAliasesRemoved(tx, actor, name, found.aliases)
        for (const { version: number } of all) {
          await events.append(tx, actor, versionDeleted, { model: name, version: number })
        }
      })
    },

    async searchModels(actor: Actor, search: Search): Promise<RegisteredModel[]> {
      actor.require('registry.read')
      return searchModels(db, actor.workspace, {
        ...search,
        clauses: parseFilter(search.filter, REGISTERED_MODELS),
        sort: parseOrderBy(search.orderBy, REGISTERED_MODELS),
      })
    },

    async setModelTag(actor: Actor, name: string, tag: KeyValue): Promise<void> {
      actor.require('registry.write', name)
      checkTag(tag)
      await model(db, actor.workspace, name)
      await store.setModelTag(db, actor.workspace, name, tag)
    },

    async removeModelTag(actor: Actor, name: string, key: string): Promise<void> {
      actor.require('registry.write', name)
      await model(db, actor.workspace, name)
      await store.removeModelTag(db, actor.workspace, name, key)
    },

    /** Registers a version: its files are listed, frozen for good, and the list is addressed by its content. */
    async createVersion(actor: Actor, given: NewVersion): Promise<ModelVersion> {
      actor.require('registry.write', given.model)
      checkModelName(given.model)
      for (const tag of given.tags) checkTag(tag)
      return inTransaction(db, async (tx) => {
        const now = nowMs()
        const number = await versions.nextVersion(tx, actor.workspace, given.model, now)
        if (number === null) throw missing(`Registered Model with name=${given.model} not found`)
        const { storageUri, run, loggedModel } = await resolveSource(tx, actor.workspace, given, ports)
        const held = storageUri.startsWith(ARTIFACT_SCHEME)
        const files = held ? await ports.freeze(tx, actor.workspace, storageUri, `${given.model}/${number}`) : []
        const { signature, flavors } = await modelFile(tx, actor.workspace, files)
        const tags = new Map(given.tags.map((tag) => [tag.key, tag.value]))
        const made: ModelVersion = {
          model: given.model,
          version: number,
          description: given.description,
          source: given.source,
          storageUri,
          run,
          loggedModel,
          runLink: given.runLink,
          stage: 'None',
          user: actor.id,
          createdMs: now,
          updatedMs: now,
          tags: [...tags].map(([key, value]) => ({ key, value })),
          aliases: [],
          digest: digestOf(files),
          signature,
          flavors,
        }
        await versions.addVersion(tx, actor.workspace, made, files)
        const logged = loggedModel === '' ? null : await ports.loggedModel(tx, actor.workspace, loggedModel)
        if (logged) await ports.noteVersion(tx, actor.workspace, logged, given.model, number)
        await events.append(tx, actor, versionRegistered, {
          model: given.model,
          version: number,
          mlflowRun: run || null,
          digest: made.digest,
        })
        return made
      })
    },

    async getVersion(actor: Actor, name: string, number: number): Promise<ModelVersion> {
      actor.require('registry.read', `${name}/${number}`)
      return version(db, actor.workspace, name, number)
    },

    async files(actor: Actor, name: string, number: number): Promise<ArtifactFile[]> {
      actor.require('registry.read', `${name}/${number}`)
      await version(db, actor.workspace, name, number)
      return versions.filesOfVersion(db, actor.workspace, name, number)
    },

    async versionsOf(actor: Actor, name: string): Promise<ModelVersion[]> {
      actor.require('registry.read', name)
      await model(db, actor.workspace, name)
      return versions.versionsOfModel(db, actor.workspace, name)
    },

    async latestVersions(actor: Actor, names: readonly string[]): Promise<ModelVersion[]> {
      actor.require('registry.read')
      return names.length === 0 ? [] : versions.latestVersions(db, actor.workspace, names)
    },

    async searchVersions(actor: Actor, search: Search): Promise<ModelVersion[]> {
      actor.require('registry.read')
      return searchVersions(db, actor.workspace, {
        ...search,
        clauses: parseFilter(search.filter, MODEL_VERSIONS),
        sort: parseOrderBy(search.orderBy, MODEL_VERSIONS),
      })
    },

    async describeVersion(actor: Actor, name: string, number: number, description: string): Promise<ModelVersion> {
      actor.require('registry.write', `${name}/${number}`)
      return inTransaction(db, async (tx) => {
        await version(tx, actor.workspace, name, number)
        await versions.changeVersion(tx, actor.workspace, name, number, { description }, nowMs())
        return version(tx, actor.workspace, name, number)
      })
    },

    async moveStage(
      actor: Actor,
      name: string,
      number: number,
      asked: string,
      archiveOthers: boolean,
    ): Promise<ModelVersion> {
      actor.require('registry.write', `${name}/${number}`)
      const stage = stageOf(asked)
      if (archiveOthers && stage !== 'Staging' && stage !== 'Production') {
        throw invalid(
          `Model version transition cannot archive existing model versions because '${asked}' is not an Active stage. Valid stages are ['Staging', 'Production']`,
        )
      }
      return inTransaction(db, async (tx) => {
        await version(tx, actor.workspace, name, number)
        if (archiveOthers) await versions.archiveOthers(tx, actor.workspace, name, number, stage, nowMs())
        await versions.changeVersion(tx, actor.workspace, name, number, { stage }, nowMs())
        return version(tx, actor.workspace, name, number)
      })
    },

    /** How many versions each model has. */
    async countVersions(actor: Actor): Promise<Map<string, number>> {
      actor.require('registry.read')
      return versions.countVersions(db, actor.workspace)
    },

    /** Takes a version out of sight. Its number and its files stay its own. */
    async deleteVersion(actor: Actor, name: string, number: number): Promise<void> {
      actor.require('registry.write', `${name}/${number}`)
      await inTransaction(db, async (tx) => {
        await store.lockModel(tx, actor.workspace, name)
        const found = await version(tx, actor.workspace, name, number)
        const aliases = found.aliases.map((alias) => ({ alias, version: number }))
        await dropAliases(tx, actor, name, aliases)
        await versions.deleteVersion(tx, actor.workspace, name, number, nowMs())
        await tellAliasesRemoved(tx, actor, name, aliases)
        await events.append(tx, actor, versionDeleted, { model: name, version: number })
      })
    },

    async setVersionTag(actor: Actor, name: string, number: number, tag: KeyValue): Promise<void> {
      actor.require('registry.write', `${name}/${number}`)
      checkTag(tag)
      await version(db, actor.workspace, name, number)
      await versions.setVersionTag(db, actor.workspace, name, number, tag)
    },

    async removeVersionTag(actor: Actor, name: string, number: number, key: string): Promise<void> {
      actor.require('registry.write', `${name}/${number}`)
      await version(db, actor.workspace, name, number)
      await versions.removeVersionTag(db, actor.workspace, name, number, key)
    },

    /** Points an alias to a version; pointing it where it points already changes nothing. @returns where it pointed before. */
    async setAlias(actor: Actor, name: string, alias: string, number: number): Promise<number | null> {
      actor.require('registry.write', name)
      checkModelName(name)
      checkAliasIsFree(alias)
      return inTransaction(db, (tx) => pointAlias(tx, actor, name, alias, number))
    },

    async removeAlias(actor: Actor, name: string, alias: string): Promise<void> {
      actor.require('registry.write', name)
      checkAlias(alias)
      await inTransaction(db, async (tx) => {
        await model(tx, actor.workspace, name)
        await store.lockModel(tx, actor.workspace, name)
        const previousVersion = await store.aliasTarget(tx, actor.workspace, name, alias)
        if (previousVersion === null) return
        const aliases = [{ alias, version: previousVersion }]
        await dropAliases(tx, actor, name, aliases)
        await tellAliasesRemoved(tx, actor, name, aliases)
      })
    },

    /** The version that an alias points to; "latest" is the one with the greatest number. */
    async versionByAlias(actor: Actor, name: string, alias: string): Promise<ModelVersion> {
      actor.require('registry.read', name)
      checkAlias(alias)
      await model(db, actor.workspace, name)
      if (alias.toLowerCase() === 'latest') {
        const newest = (await versions.versionsOfModel(db, actor.workspace, name))[0]
        if (!newest) throw missing(`Latest version not found for model ${name}.`)
        return newest
      }
      const number = await store.aliasTarget(db, actor.workspace, name, alias)
      if (number === null) throw invalid(`Registered model alias ${alias} not found.`)
      return version(db, actor.workspace, name, number)
    },

    /** A retraining's version becomes a candidate for its endpoint, once. Other pipeline runs, and those without a version, change nothing. */
    async registerCandidate(actor: Actor, event: Pick<EventRecord, 'payload'>): Promise<void> {
      const { run, purpose, endpoint, modelVersion } = pipelineSucceeded.payload.parse(event.payload)
      if (purpose !== 'retraining' || endpoint === null || modelVersion === null) return
      const { model: name, version: number } = parseModelVersionRef(modelVersion)
      await inTransaction(db, async (tx) => {
        await version(tx, actor.workspace, name, number)
        const candidate = { pipelineRun: run, model: name, version: number, endpoint }
        if (!(await versions.addCandidate(tx, actor.workspace, candidate))) return
        await events.append(tx, actor, candidateRegistered, {
          model: name,
          version: number,
          endpoint,
          pipelineRun: run,
        })
      })
    },
  }
}

/** The content address of a list of files: of its paths and digests, in the order of the paths. */
function digestOf(files: readonly ArtifactFile[]): string | null {
  if (files.length === 0) return null
  const hash = createHash('sha256')
  for (const file of files) hash.update(JSON.stringify([file.path, file.digest, file.bytes]))
  return `sha256:${hash.digest('hex')}`
}

function checkTag(tag: KeyValue): void {
  checkKey(tag.key, 'key')
  checkLength('key', LIMITS.key, tag.key)
  checkLength('value', LIMITS.registryTagValue, tag.value)
}

function stageOf(text: string): Stage {
  const stage = STAGES.find((name) => name.toLowerCase() === text.toLowerCase())
  if (!stage) {
    throw invalid(`Invalid Model Version stage: ${text}. Value must be one of None, Staging, Production, Archived.`)
  }
  return stage
}
