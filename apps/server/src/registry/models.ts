import { modelCreated, modelTagRemoved, modelTagSet, versionDeleted } from '@tidemark/contracts'
import { checkNewModelName, exists, parseFilter, parseOrderBy, REGISTERED_MODELS } from '@tidemark/mlflow-protocol'
import type { KeyValue } from '../experiments/index.ts'
import { type Actor, inTransaction, type Platform } from '../platform/index.ts'
import { dropAliases, tellAliasesRemoved } from './aliases.ts'
import { checkNoHistory } from './aliasTags.ts'
import { checkTag, isPrompt, type Search, tagRecord } from './asked.ts'
import { modelNamed } from './lookup.ts'
import { searchModels } from './searchStore.ts'
import * as store from './store.ts'
import type { RegisteredModel } from './types.ts'
import * as versionStore from './versionStore.ts'

/** Registered models: the names that versions stand under. */
export function createModels(platform: Platform) {
  const { db, clock, events } = platform
  const nowMs = () => clock.now().getTime()

  return {
    async createModel(actor: Actor, name: string, description: string, tags: readonly KeyValue[]) {
      actor.require('registry.write', name)
      checkNewModelName(name)
      for (const tag of tags) checkModelTag(tag)
      return inTransaction(db, async (tx) => {
        const added = await store.addModel(tx, actor.workspace, name, description, nowMs())
        if (!added) throw nameTaken(await modelNamed(tx, actor.workspace, name), isPrompt(tags))
        for (const tag of tags) await store.setModelTag(tx, actor.workspace, name, tag)
        const made = await modelNamed(tx, actor.workspace, name)
        await events.append(tx, actor, modelCreated, {
          model: name,
          description,
          tags: tagRecord(tags),
          prompt: isPrompt(tags),
        })
        return made
      })
    },

    async getModel(actor: Actor, name: string): Promise<RegisteredModel> {
      actor.require('registry.read', name)
      return modelNamed(db, actor.workspace, name)
    },

    async describeModel(actor: Actor, name: string, description: string): Promise<RegisteredModel> {
      actor.require('registry.write', name)
      return inTransaction(db, async (tx) => {
        await modelNamed(tx, actor.workspace, name)
        await store.describeModel(tx, actor.workspace, name, description, nowMs())
        return modelNamed(tx, actor.workspace, name)
      })
    },

    async renameModel(actor: Actor, name: string, newName: string): Promise<RegisteredModel> {
      actor.require('registry.write', name)
      checkNewModelName(newName, 'new_name')
      return inTransaction(db, async (tx) => {
        await modelNamed(tx, actor.workspace, name)
        if (newName === name) return modelNamed(tx, actor.workspace, name)
        const renamed = await store.renameModel(tx, actor.workspace, name, newName, nowMs())
        if (!renamed) throw exists(`Registered Model (name=${newName}) already exists.`)
        return modelNamed(tx, actor.workspace, newName)
      })
    },

    async deleteModel(actor: Actor, name: string): Promise<void> {
      actor.require('registry.delete', name)
      await inTransaction(db, async (tx) => {
        const found = await modelNamed(tx, actor.workspace, name)
        const all = await versionStore.versionsOfModel(tx, actor.workspace, name)
        await dropAliases(platform, tx, actor, name, found.aliases)
        await store.deleteModel(tx, actor.workspace, name, nowMs())
        await tellAliasesRemoved(platform, tx, actor, found, found.aliases)
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
      checkModelTag(tag)
      await inTransaction(db, async (tx) => {
        const { tags } = await modelNamed(tx, actor.workspace, name)
        await store.setModelTag(tx, actor.workspace, name, tag)
        await events.append(tx, actor, modelTagSet, { model: name, ...tag, prompt: isPrompt([...tags, tag]) })
      })
    },

    async removeModelTag(actor: Actor, name: string, key: string): Promise<void> {
      actor.require('registry.write', name)
      checkNoHistory(key)
      await inTransaction(db, async (tx) => {
        const { tags } = await modelNamed(tx, actor.workspace, name)
        await store.removeModelTag(tx, actor.workspace, name, key)
        await events.append(tx, actor, modelTagRemoved, { model: name, key, prompt: isPrompt(tags) })
      })
    },
  }
}

/** @throws MlflowError for a tag that MLflow would refuse, and for one that only the registry itself writes. */
function checkModelTag(tag: KeyValue): void {
  checkTag(tag)
  checkNoHistory(tag.key)
}

/** MLflow's words for a name that is taken: prompts and models share their names. */
function nameTaken({ name, tags }: RegisteredModel, wantsPrompt: boolean): Error {
  if (isPrompt(tags) === wantsPrompt) {
    return exists(`${wantsPrompt ? 'Prompt' : 'Registered Model'} (name=${name}) already exists.`)
  }
  const [wanted, holder] = wantsPrompt ? ['prompt', 'registered model'] : ['registered model', 'prompt']
  return exists(
    `Tried to create a ${wanted} with name '${name}', but the name is already taken by a ${holder}. MLflow does not allow creating a model and a prompt with the same name.`,
  )
}
