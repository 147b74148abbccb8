import { pathOfUri } from '@tidemark/mlflow-protocol'
import { experimentChecksum, loggedModelChecksum, runChecksum } from '@tidemark/mlflow-protocol/checksum'
import type { Platform, Queryable, Tx } from '../platform/index.ts'
import { filesBelow } from './artifactStore.ts'
import { storedValue } from './checks.ts'
import * as experimentStore from './experimentStore.ts'
import * as importRunStore from './importRunStore.ts'
import * as importStore from './importStore.ts'
import type { KeyNumbers } from './keys.ts'
import { loggedModelsByIds } from './loggedModelStore.ts'
import { runInfo } from './runStore.ts'
import type { ArtifactFile, KeyValue, Lifecycle, LoggedModel } from './types.ts'

/** A run from elsewhere, in an experiment of this platform; null artifacts lie in this platform's own tree. */
export type GivenRun = Omit<importRunStore.WholeRun, 'artifactUri'> & { readonly artifactsElsewhere: string | null }
export type GivenLoggedModel = Omit<LoggedModel, 'artifactUri'> & {
  readonly lifecycle: Lifecycle
  readonly artifactsElsewhere: string | null
}

interface GivenExperiment {
  readonly id: string
  readonly name: string
  readonly lifecycle: Lifecycle
  readonly createdMs: number
  readonly updatedMs: number
  readonly tags: readonly KeyValue[]
}

// Beyond it a number would be no integer of JavaScript, and the numbers that follow it none of MLflow's own databases.
const GREATEST_NUMBER = 2 ** 31 - 1

/**
 * Content that was made elsewhere and keeps its ids, times and history. Every function may be called again with the same: it adds what is
 * missing and removes nothing.
 */
export function createImportedContent({ database }: Platform, keys: KeyNumbers) {
  /** The root of an experiment's artifacts in this platform's own tree, also where new runs would log elsewhere. */
  async function rootOf(on: Queryable, workspace: string, experiment: number): Promise<string> {
    const found = await experimentStore.experimentById(on, workspace, experiment)
    if (!found) throw new Error(`Experiment ${experiment} is not here.`)
    return found.artifactLocation
  }

  async function rootsOf(
    on: Queryable,
    workspace: string,
    experiments: Iterable<number>,
  ): Promise<Map<number, string>> {
    const roots = new Map<number, string>()
    for (const id of new Set(experiments)) roots.set(id, await rootOf(on, workspace, id))
    return roots
  }

  return {
    /**
     * Takes an experiment in. One of its name is joined: it gets the tags that it lacks and stays as it is otherwise. A new one keeps its
     * number when no other has it.
     */
    async addExperiment(
      tx: Tx,
      workspace: string,
      given: GivenExperiment,
    ): Promise<{ id: number; how: 'made' | 'joined' }> {
      const same = await experimentStore.experimentByName(tx, workspace, given.name)
      if (same) {
        await importStore.addExperimentTags(tx, workspace, same.id, given.tags)
        return { id: same.id, how: 'joined' }
      }
      const number = Number(given.id)
      const id = await importStore.adoptExperiment(tx, workspace, {
        ...given,
        id: number <= GREATEST_NUMBER ? number : null,
      })
      await importStore.addExperimentTags(tx, workspace, id, given.tags)
      return { id, how: 'made' }
    },

    /** Brings an experiment that came in before to what its source says now. False when another one here has its new name. */
    async updateExperiment(tx: Tx, workspace: string, id: number, given: GivenExperiment): Promise<boolean> {
      const same = await experimentStore.experimentByName(tx, workspace, given.name)
      if (same && same.id !== id) return false
      await importStore.overwriteExperiment(tx, workspace, id, given)
      return true
    },

    async isHere(on: Queryable, workspace: string, experiment: number): Promise<boolean> {
      return (await experimentStore.experimentById(on, workspace, experiment)) !== null
    },

    /** Which of these runs are here, and in which experiment. */
    runsHere: importRunStore.runsHere,

    async putRuns(tx: Tx, workspace: string, runs: readonly GivenRun[]): Promise<void> {
      const roots = await rootsOf(
        tx,
        workspace,
        runs.map((run) => run.experiment),
      )
      await importRunStore.putRuns(
        tx,
        keys,
        workspace,
        runs.map(({ artifactsElsewhere, ...run }) => ({
          ...run,
          artifactUri: artifactsElsewhere ?? `${roots.get(run.experiment)}/${run.id}/artifacts`,
          metrics: run.metrics.map((series) => ({ ...series, value: series.value.map(storedValue) })),
        })),
      )
    },

    async putLoggedModels(tx: Tx, workspace: string, models: readonly GivenLoggedModel[]): Promise<void> {
      const roots = await rootsOf(
        tx,
        workspace,
        models.map((model) => model.experiment),
      )
      await importStore.putLoggedModels(
        tx,
        workspace,
        models.map(({ artifactsElsewhere, ...model }) => ({
          ...model,
          artifactUri: artifactsElsewhere ?? `${roots.get(model.experiment)}/models/${model.id}/artifacts`,
          metrics: model.metrics.map((metric) => ({ ...metric, value: storedValue(metric.value) })),
        })),
      )
    },

    /** SHA-256 over each experiment as it stands here. */
    async experimentDigests(
      on: Queryable,
      workspace: string,
      experiments: readonly { id: string; as: string }[],
    ): Promise<Map<string, string>> {
      const digests = new Map<string, string>()
      for (const { id, as } of experiments) {
        const found = await experimentStore.experimentById(on, workspace, Number(as))
        if (found) digests.set(id, experimentChecksum(found))
      }
      return digests
    },

    /** SHA-256 over each run as it stands here, with every point of its history. */
    async runDigests(workspace: string, ids: readonly string[]): Promise<Map<string, string>> {
      const runs = await importRunStore.wholeRuns(database.pool, keys, workspace, ids)
      return new Map(runs.map((run) => [run.id, runChecksum(run)]))
    },

    async loggedModelDigests(on: Queryable, workspace: string, ids: readonly string[]): Promise<Map<string, string>> {
      const models = await loggedModelsByIds(on, workspace, ids)
      return new Map(models.map((model) => [model.id, loggedModelChecksum(model)]))
    },

    /** Where the artifacts of a run or logged model lie; null when it is not here. */
    async artifactUri(on: Queryable, workspace: string, owner: { kind: 'run' | 'loggedModel'; id: string }) {
      if (owner.kind === 'run') return (await runInfo(on, workspace, owner.id))?.artifactUri ?? null
      return (await loggedModelsByIds(on, workspace, [owner.id]))[0]?.artifactUri ?? null
    },

    /** Path in the artifact tree and files of an owner; a null path when it is not here or keeps its files elsewhere. */
    async filesOf(
      on: Queryable,
      workspace: string,
      owner: { kind: 'run' | 'loggedModel'; id: string },
    ): Promise<{ path: string | null; files: ArtifactFile[] }> {
      const uri = await this.artifactUri(on, workspace, owner)
      const path = uri === null ? null : pathOfUri(uri)
      return { path, files: path === null ? [] : await filesBelow(on, workspace, path) }
    },
  }
}
