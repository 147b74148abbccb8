import type { ImportedModel, ImportedVersion, ImportOutcome } from '@tidemark/contracts'
import { ARTIFACT_SCHEME, artifactPath, checkAliasIsFree, checkModelName, MlflowError } from '@tidemark/mlflow-protocol'
import { registeredModelChecksum } from '@tidemark/mlflow-protocol/checksum'
import type { Experiments } from '../experiments/index.ts'
import type { Actor, Platform, Queryable, Tx } from '../platform/index.ts'
import * as importStore from './importStore.ts'
import * as store from './store.ts'
import type { ModelVersion } from './types.ts'
import { digestOf, modelFileAmong } from './versionFiles.ts'
import * as versionStore from './versionStore.ts'

type Ports = Pick<Experiments, 'freeze' | 'imported'>

/** Who moved an alias when an import did. */
const IMPORT = { kind: 'system', id: 'import' } as const

export interface ModelOutcome extends ImportOutcome {
  readonly versions: readonly ImportOutcome[]
  readonly aliases: readonly ImportOutcome[]
}

/**
 * Registered models that were made elsewhere. Numbers, times and stages stay; versions count as registered by hand, so nothing is ever rolled
 * out because of them. What somebody changed or made here is left alone, and said.
 */
export function createImportedModels(platform: Platform, ports: Ports) {
  const { blobs, clock } = platform

  /** Where the files of a version lie here; empty when no such run or logged model came in. */
  async function storageOf(tx: Tx, workspace: string, given: ImportedVersion): Promise<string> {
    const { files } = given
    if (files.kind === 'none') return given.source
    if (files.kind === 'elsewhere') return files.uri
    const root = await ports.imported.artifactUri(tx, workspace, files)
    if (root === null) return given.source
    return files.path === '' ? root : `${root}/${artifactPath(files.path)}`
  }

  async function filesOf(tx: Tx, workspace: string, model: string, given: ImportedVersion) {
    const storageUri = await storageOf(tx, workspace, given)
    const complete = 'complete' in given.files && given.files.complete
    const held = storageUri.startsWith(ARTIFACT_SCHEME)
    const files = held && complete ? await ports.freeze(tx, workspace, storageUri, `${model}/${given.version}`) : []
    return { storageUri, files, digest: digestOf(files), ...(await modelFileAmong(blobs, tx, workspace, files)) }
  }

  async function addVersion(tx: Tx, workspace: string, model: string, given: ImportedVersion): Promise<void> {
    const { files, ...described } = await filesOf(tx, workspace, model, given)
    const made: ModelVersion = { ...given, ...described, model, aliases: [] }
    await versionStore.addVersion(tx, workspace, made, files)
  }

  async function putVersion(
    tx: Tx,
    workspace: string,
    model: string,
    given: ImportedVersion,
    here: importStore.VersionHere | undefined,
    changed: boolean,
  ): Promise<ImportOutcome> {
    const id = `${model}/${given.version}`
    const outcome = (what: ImportOutcome['outcome'], reason: string | null = null): ImportOutcome => ({
      id,
      as: id,
      outcome: what,
      reason,
    })
    if (!here) {
      await addVersion(tx, workspace, model, given)
      return outcome('imported')
    }
    if (here.deleted) return outcome('skipped', 'It was deleted here.')
    if (here.createdMs !== given.createdMs || here.run !== given.run) {
      return outcome('skipped', 'Another version has this number here.')
    }
    const came = here.digest === null ? await filesOf(tx, workspace, model, given) : null
    if (!changed && (came === null || came.files.length === 0)) return outcome('unchanged')
    if (came && came.files.length > 0) {
      await importStore.completeVersion(tx, workspace, { ...came, model, version: given.version }, came.files)
    }
    await importStore.overwriteVersion(tx, workspace, model, given)
    for (const tag of given.tags) await versionStore.setVersionTag(tx, workspace, model, given.version, tag)
    return outcome('updated')
  }

  async function putAlias(
    tx: Tx,
    workspace: string,
    model: string,
    given: { alias: string; version: number },
    versions: ReadonlySet<number>,
  ): Promise<ImportOutcome> {
    const id = `${model}@${given.alias}`
    const outcome = (what: ImportOutcome['outcome'], reason: string | null = null): ImportOutcome => ({
      id,
      as: id,
      outcome: what,
      reason,
    })
    checkAliasIsFree(given.alias)
    if (!versions.has(given.version)) return outcome('skipped', `Version ${given.version} did not come over.`)
    const previousVersion = await store.aliasTarget(tx, workspace, model, given.alias)
    if (previousVersion === given.version) return outcome('unchanged')
    const mover = await importStore.lastMover(tx, workspace, model, given.alias)
    if (mover && (mover.kind !== IMPORT.kind || mover.id !== IMPORT.id)) {
      return outcome('skipped', 'It was moved here since.')
    }
    const change = { ...given, previousVersion, by: IMPORT, at: clock.now() }
    await store.moveAlias(tx, workspace, model, change)
    return outcome(previousVersion === null ? 'imported' : 'updated')
  }

  return {
    /**
     * Takes in a model with all its versions and aliases. One that was made here is joined: it gets versions whose numbers are free, tags
     * and aliases that it lacks, and stays as it is otherwise.
     * @param before the digest with which an earlier import brought it; null when none did, or when it joined one that was here
     */
    async putModel(tx: Tx, actor: Actor, given: ImportedModel, before: string | null): Promise<ModelOutcome> {
      const { workspace } = actor
      const changed = before !== given.digest
      const skipped = (reason: string): ModelOutcome => ({
        id: given.name,
        as: given.name,
        outcome: 'skipped',
        reason,
        versions: given.versions.map(({ version }) => {
          const id = `${given.name}/${version}`
          return { id, as: id, outcome: 'skipped', reason }
        }),
        aliases: [],
      })
      try {
        checkModelName(given.name)
      } catch (error) {
        if (error instanceof MlflowError) return skipped(error.message)
        throw error
      }
      const found = await importStore.lockAnyModel(tx, workspace, given.name)
      if (found?.deleted) return skipped('A model of this name was deleted here.')
      const joined = found !== null && before === null
      if (!found) await importStore.addModelAsIs(tx, workspace, given)
      else if (!joined && changed) await importStore.overwriteModel(tx, workspace, given)
      await importStore.countFrom(tx, workspace, given.name, given.lastVersion)
      if (joined) await importStore.addModelTags(tx, workspace, given.name, given.tags)
      else if (changed) for (const tag of given.tags) await store.setModelTag(tx, workspace, given.name, tag)

      const here = await importStore.allVersions(tx, workspace, given.name)
      const versions: ImportOutcome[] = []
      for (const version of given.versions) {
        versions.push(await putVersion(tx, workspace, given.name, version, here.get(version.version), changed))
      }
      const there = new Set(
        given.versions.filter((_, index) => versions[index]?.outcome !== 'skipped').map(({ version }) => version),
      )
      const aliases: ImportOutcome[] = []
      for (const alias of given.aliases) aliases.push(await putAlias(tx, workspace, given.name, alias, there))
      const moved = [...versions, ...aliases].some(({ outcome }) => outcome === 'imported' || outcome === 'updated')
      return {
        id: given.name,
        as: given.name,
        outcome: !found ? 'imported' : changed || moved ? 'updated' : 'unchanged',
        reason: joined ? 'It joined the model of its name that was here.' : null,
        versions,
        aliases,
      }
    },

    /** SHA-256 over each model as it stands here, deleted versions left out. */
    async digests(on: Queryable, workspace: string, names: readonly string[]): Promise<Map<string, string>> {
      const digests = new Map<string, string>()
      for (const name of names) {
        const model = await store.modelByName(on, workspace, name)
        if (!model) continue
        const versions = await versionStore.versionsOfModel(on, workspace, name)
        digests.set(name, registeredModelChecksum({ ...model, versions }))
      }
      return digests
    },
  }
}
