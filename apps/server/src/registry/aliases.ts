import { aliasRemoved, aliasSet } from '@tidemark/contracts'
import { checkAlias, checkAliasIsFree, checkModelName, invalid, missing } from '@tidemark/mlflow-protocol'
import type { KeyValue } from '../experiments/index.ts'
import { type Actor, inTransaction, type Platform, type Tx } from '../platform/index.ts'
import { historyTags } from './aliasTags.ts'
import { isPrompt } from './asked.ts'
import { modelNamed, versionNumbered } from './lookup.ts'
import * as store from './store.ts'
import type { ModelVersion, RegisteredModel } from './types.ts'
import * as versionStore from './versionStore.ts'

/** Changes of a model's aliases, the newest ones, that tags tell of. */
const TAG_HISTORY = 1000

/** Names that point to versions, with the history of where they pointed. */
export function createAliases(platform: Platform) {
  const { db, clock, events } = platform

  async function pointAlias(tx: Tx, actor: Actor, name: string, alias: string, number: number): Promise<number | null> {
    const locked = await store.lockModel(tx, actor.workspace, name)
    if (!locked) throw missing(`Model Version (name=${name}, version=${number}) not found`)
    const { tags } = await modelNamed(tx, actor.workspace, name)
    await versionNumbered(tx, actor.workspace, name, number)
    const previousVersion = await store.aliasTarget(tx, actor.workspace, name, alias)
    if (previousVersion === number) return previousVersion
    const change = { alias, version: number, previousVersion, by: actor.ref, at: clock.now() }
    await store.moveAlias(tx, actor.workspace, name, change)
    await events.append(tx, actor, aliasSet, {
      model: name,
      version: number,
      alias,
      previousVersion,
      prompt: isPrompt(tags),
    })
    return previousVersion
  }

  return {
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
        const { tags } = await modelNamed(tx, actor.workspace, name)
        await store.lockModel(tx, actor.workspace, name)
        const previousVersion = await store.aliasTarget(tx, actor.workspace, name, alias)
        if (previousVersion === null) return
        const aliases = [{ alias, version: previousVersion }]
        await dropAliases(platform, tx, actor, name, aliases)
        await tellAliasesRemoved(platform, tx, actor, { name, tags }, aliases)
      })
    },

    /** The history of a model's aliases as tags, for clients that know MLflow's API only. */
    async historyTags(actor: Actor, name: string): Promise<KeyValue[]> {
      actor.require('registry.read', name)
      return historyTags(await store.aliasHistory(db, actor.workspace, name, { limit: TAG_HISTORY }))
    },

    /** The version that an alias points to; "latest" is the one with the greatest number. */
    async versionByAlias(actor: Actor, name: string, alias: string): Promise<ModelVersion> {
      actor.require('registry.read', name)
      checkAlias(alias)
      await modelNamed(db, actor.workspace, name)
      if (alias.toLowerCase() === 'latest') {
        const newest = (await versionStore.versionsOfModel(db, actor.workspace, name))[0]
        if (!newest) throw missing(`Latest version not found for model ${name}.`)
        return newest
      }
      const number = await store.aliasTarget(db, actor.workspace, name, alias)
      if (number === null) throw invalid(`Registered model alias ${alias} not found.`)
      return versionNumbered(db, actor.workspace, name, number)
    },
  }
}

/** Takes aliases away; the caller deletes what they pointed to or nothing. */
export async function dropAliases(
  platform: Platform,
  tx: Tx,
  actor: Actor,
  name: string,
  aliases: readonly { alias: string; version: number }[],
): Promise<void> {
  for (const { alias, version: previousVersion } of aliases) {
    const change = { alias, version: null, previousVersion, by: actor.ref, at: platform.clock.now() }
    await store.moveAlias(tx, actor.workspace, name, change)
  }
}

/** The events of aliases that were taken away: after all writes of their transaction. */
export async function tellAliasesRemoved(
  platform: Platform,
  tx: Tx,
  actor: Actor,
  of: Pick<RegisteredModel, 'name' | 'tags'>,
  aliases: readonly { alias: string; version: number }[],
): Promise<void> {
  const about = { model: of.name, prompt: isPrompt(of.tags) }
  for (const { alias, version: previousVersion } of aliases) {
    await platform.events.append(tx, actor, aliasRemoved, { ...about, alias, previousVersion })
  }
}
