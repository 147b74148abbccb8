import { versionDeleted, versionRegistered, versionTagRemoved, versionTagSet } from '@tidemark/contracts'
import {
  ARTIFACT_SCHEME,
  checkModelName,
  invalid,
  MODEL_VERSIONS,
  missing,
  parseFilter,
  parseOrderBy,
} from '@tidemark/mlflow-protocol'
import type { ArtifactFile, KeyValue } from '../experiments/index.ts'
import { type Actor, inTransaction, type Platform } from '../platform/index.ts'
import { dropAliases, tellAliasesRemoved } from './aliases.ts'
import { checkTag, isPrompt, type Search, stageOf, tagRecord } from './asked.ts'
import { modelNamed, versionNumbered } from './lookup.ts'
import { searchVersions } from './searchStore.ts'
import { type NewVersion, type RegistryPorts, resolveSource } from './source.ts'
import * as store from './store.ts'
import type { ModelVersion } from './types.ts'
import { digestOf, modelFileAmong } from './versionFiles.ts'
import * as versionStore from './versionStore.ts'

/** Model versions, whose files never change. */
export function createVersions(platform: Platform, ports: RegistryPorts) {
  const { db, clock, events, blobs } = platform
  const nowMs = () => clock.now().getTime()

  return {
    /**
     * Registers a version: its files are listed, frozen for good, and the list is addressed by its content. A pipeline run registers a source
     * once: its step that was killed after that, and is tried again, gets the version that it made.
     */
    async createVersion(actor: Actor, given: NewVersion): Promise<ModelVersion> {
      actor.require('registry.write', given.model)
      checkModelName(given.model)
      for (const tag of given.tags) checkTag(tag)
      return inTransaction(db, async (tx) => {
        const now = nowMs()
        const asked = { model: given.model, source: given.source, user: actor.id }
        const before =
          actor.kind === 'service' ? await versionStore.versionMadeBefore(tx, actor.workspace, asked) : null
        if (before !== null) return versionNumbered(tx, actor.workspace, given.model, before)
        const number = await versionStore.nextVersion(tx, actor.workspace, given.model, now)
        if (number === null) throw missing(`Registered Model with name=${given.model} not found`)
        const { storageUri, run, loggedModel } = await resolveSource(tx, actor.workspace, given, ports)
        const held = storageUri.startsWith(ARTIFACT_SCHEME)
        const files = held ? await ports.freeze(tx, actor.workspace, storageUri, `${given.model}/${number}`) : []
        const { signature, flavors } = await modelFileAmong(blobs, tx, actor.workspace, files)
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
        await versionStore.addVersion(tx, actor.workspace, made, files)
        const logged = loggedModel === '' ? null : await ports.loggedModel(tx, actor.workspace, loggedModel)
        if (logged) await ports.noteVersion(tx, actor.workspace, logged, given.model, number)
        await events.append(tx, actor, versionRegistered, {
          model: given.model,
          version: number,
          mlflowRun: run || null,
          digest: made.digest,
          source: given.source,
          description: given.description,
          tags: tagRecord(given.tags),
          prompt: isPrompt(given.tags),
        })
        return made
      })
    },

    async getVersion(actor: Actor, name: string, number: number): Promise<ModelVersion> {
      actor.require('registry.read', `${name}/${number}`)
      return versionNumbered(db, actor.workspace, name, number)
    },

    async files(actor: Actor, name: string, number: number): Promise<ArtifactFile[]> {
      actor.require('registry.read', `${name}/${number}`)
      await versionNumbered(db, actor.workspace, name, number)
      return versionStore.filesOfVersion(db, actor.workspace, name, number)
    },

    async versionsOf(actor: Actor, name: string): Promise<ModelVersion[]> {
      actor.require('registry.read', name)
      await modelNamed(db, actor.workspace, name)
      return versionStore.versionsOfModel(db, actor.workspace, name)
    },

    async latestVersions(actor: Actor, names: readonly string[]): Promise<ModelVersion[]> {
      actor.require('registry.read')
      return names.length === 0 ? [] : versionStore.latestVersions(db, actor.workspace, names)
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
        await versionNumbered(tx, actor.workspace, name, number)
        await versionStore.changeVersion(tx, actor.workspace, name, number, { description }, nowMs())
        return versionNumbered(tx, actor.workspace, name, number)
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
        await versionNumbered(tx, actor.workspace, name, number)
        // The model before its versions, as everywhere, so that two changes never wait for each other.
        await store.touchModel(tx, actor.workspace, name, nowMs())
        if (archiveOthers) await versionStore.archiveOthers(tx, actor.workspace, name, number, stage, nowMs())
        await versionStore.changeVersion(tx, actor.workspace, name, number, { stage }, nowMs())
        return versionNumbered(tx, actor.workspace, name, number)
      })
    },

    /** How many versions each model has. */
    async countVersions(actor: Actor): Promise<Map<string, number>> {
      actor.require('registry.read')
      return versionStore.countVersions(db, actor.workspace)
    },

    /** Takes a version out of sight. Its number and its files stay its own. */
    async deleteVersion(actor: Actor, name: string, number: number): Promise<void> {
      actor.require('registry.delete', `${name}/${number}`)
      await inTransaction(db, async (tx) => {
        await store.lockModel(tx, actor.workspace, name)
        const found = await versionNumbered(tx, actor.workspace, name, number)
        const model = await modelNamed(tx, actor.workspace, name)
        const aliases = found.aliases.map((alias) => ({ alias, version: number }))
        await dropAliases(platform, tx, actor, name, aliases)
        await versionStore.deleteVersion(tx, actor.workspace, name, number, nowMs())
        await store.touchModel(tx, actor.workspace, name, nowMs())
        await tellAliasesRemoved(platform, tx, actor, model, aliases)
        await events.append(tx, actor, versionDeleted, { model: name, version: number })
      })
    },

    async setVersionTag(actor: Actor, name: string, number: number, tag: KeyValue): Promise<void> {
      actor.require('registry.write', `${name}/${number}`)
      checkTag(tag)
      await inTransaction(db, async (tx) => {
        await versionNumbered(tx, actor.workspace, name, number)
        const { tags } = await modelNamed(tx, actor.workspace, name)
        await versionStore.setVersionTag(tx, actor.workspace, name, number, tag)
        const what = { model: name, version: number, prompt: isPrompt(tags) }
        await events.append(tx, actor, versionTagSet, { ...what, ...tag })
      })
    },

    async removeVersionTag(actor: Actor, name: string, number: number, key: string): Promise<void> {
      actor.require('registry.write', `${name}/${number}`)
      await inTransaction(db, async (tx) => {
        await versionNumbered(tx, actor.workspace, name, number)
        const { tags } = await modelNamed(tx, actor.workspace, name)
        await versionStore.removeVersionTag(tx, actor.workspace, name, number, key)
        const what = { model: name, version: number, prompt: isPrompt(tags) }
        await events.append(tx, actor, versionTagRemoved, { ...what, key })
      })
    },
  }
}
