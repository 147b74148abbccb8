import type { FastifyInstance } from 'fastify'
import { type Actor, type HttpServer, type Platform, type Queryable, systemActor, type Tx } from '../platform/index.ts'
import { createArtifacts } from './artifacts.ts'
import { createCounting } from './counting.ts'
import * as experimentStore from './experimentStore.ts'
import { createGathering } from './gathering.ts'
import { createHistory } from './history.ts'
import { createImportedContent } from './imports.ts'
import { createKeyNumbers } from './keys.ts'
import { createLoggedModels } from './loggedModels.ts'
import { artifactRoutes } from './mlflow/artifactRoutes.ts'
import { experimentRoutes } from './mlflow/experimentRoutes.ts'
import { historyRoutes } from './mlflow/historyRoutes.ts'
import { loggedModelRoutes } from './mlflow/modelRoutes.ts'
import { notYetRoutes } from './mlflow/notYet.ts'
import { mlflowScope, mountMlflow } from './mlflow/plugin.ts'
import { runRoutes } from './mlflow/runRoutes.ts'
import { serverRoutes } from './mlflow/serverRoutes.ts'
import * as purgeStore from './purgeStore.ts'
import { experimentApi } from './routes.ts'
import * as runStore from './runStore.ts'
import { createTracking } from './tracking.ts'
import type { ArtifactFile, LoggedModel, RunInfo } from './types.ts'
import { createUploads } from './uploads.ts'

export { all, compare, compareList, direction, type Fragment } from './conditions.ts'
export type { GivenLoggedModel, GivenRun } from './imports.ts'
export { queryText } from './mlflow/artifactRoutes.ts'
export { page, pageSize, pairs } from './mlflow/asked.ts'
export { sendFile } from './mlflow/fileReply.ts'
export { type MlflowCall, type MlflowRoutes, mountMlflow } from './mlflow/plugin.ts'
export { originOf } from './origin.ts'
export type { ArtifactFile, KeyValue, LoggedModel, RunInfo } from './types.ts'

const DEFAULT_EXPERIMENT = 'Default'

/** What experiments ask of other modules. */
export interface ExperimentPorts {
  /** Model versions that were registered from a run. */
  versionsOfRun(db: Queryable, workspace: string, run: string): Promise<readonly { model: string; version: number }[]>
}

/** What a finished run may become. */
export type RunEnd = 'FINISHED' | 'FAILED' | 'KILLED'

/** Tracking: experiments, runs, logged models and the artifact tree. */
export function createExperiments(platform: Platform, ports: ExperimentPorts) {
  const keys = createKeyNumbers(platform.database.statements)
  const gathering = createGathering(platform)
  const counting = createCounting(platform)
  const tracking = createTracking(platform, keys, gathering, counting)
  const history = createHistory(platform, keys, gathering)
  const artifacts = createArtifacts(platform)
  const uploads = createUploads(platform, artifacts)
  const models = createLoggedModels(platform)
  const { clock } = platform
  platform.resets.onReset(async (tx) => {
    keys.forget()
    await experimentStore.addDefault(tx, clock.now().getTime())
  })

  return {
    /** Starts a run in an experiment of that name, which is made when it is missing. @returns the run's id. */
    async createRun(
      actor: Actor,
      run: { experiment: string; name: string; tags: Readonly<Record<string, string>> },
    ): Promise<string> {
      const experimentId = await this.ensureExperiment(actor, run.experiment)
      const tags = Object.entries(run.tags).map(([key, value]) => ({ key, value }))
      const startMs = clock.now().getTime()
      const created = await tracking.createRun(actor, { experimentId, user: actor.id, name: run.name, startMs, tags })
      return created.id
    },

    /** The id of the experiment of that name; made when there is none, brought back when it was deleted. */
    async ensureExperiment(actor: Actor, name: string): Promise<string> {
      try {
        return String(await tracking.createExperiment(actor, { name, artifactLocation: undefined, tags: [] }))
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'RESOURCE_ALREADY_EXISTS') throw error
        const found = await tracking.experimentByName(actor, name)
        // Not a right of whoever starts a pipeline, but a need of the pipeline.
        const pipelines = systemActor('pipelines', actor.workspace)
        if (found.lifecycle === 'deleted') await tracking.moveExperiment(pipelines, String(found.id), 'active')
        return String(found.id)
      }
    },

    /** Ends a run. Ending it again with another status is allowed: a pipeline may be resumed. */
    async finishRun(actor: Actor, run: string, status: RunEnd): Promise<void> {
      await tracking.updateRun(actor, run, { status, endMs: clock.now().getTime() })
    },

    async setTags(actor: Actor, run: string, tags: Readonly<Record<string, string>>): Promise<void> {
      const list = Object.entries(tags).map(([key, value]) => ({ key, value }))
      await tracking.logBatch(actor, run, { metrics: [], parameters: [], tags: list })
    },

    async experimentExists(on: Queryable, workspace: string, id: string): Promise<boolean> {
      return /^\d{1,15}$/.test(id) && (await experimentStore.experimentById(on, workspace, Number(id))) !== null
    },

    runInfo(on: Queryable, workspace: string, run: string): Promise<RunInfo | null> {
      return runStore.runInfo(on, workspace, run)
    },

    run(on: Queryable, workspace: string, run: string) {
      return runStore.runById(on, keys, workspace, run)
    },

    loggedModel(on: Queryable, workspace: string, id: string): Promise<LoggedModel | null> {
      return models.byId(on, workspace, id)
    },

    noteVersion: models.noteVersion,

    /** What comes in from another tracking server. */
    imported: createImportedContent(platform, keys),

    /** Freezes all files below an address for good. @returns them, with paths relative to it. */
    freeze(tx: Tx, workspace: string, uri: string, reason: string): Promise<ArtifactFile[]> {
      return artifacts.freeze(tx, workspace, uri, reason)
    },

    /** Deletion for good, step by step; `retention` puts the steps together. */
    deletion: {
      dueExperiments: purgeStore.dueExperiments,
      dueRuns: purgeStore.dueRuns,
      dueLoggedModels: purgeStore.dueLoggedModels,
      lockRun: purgeStore.lockRun,
      lockExperiment: purgeStore.lockExperiment,
      modelsOfRuns: purgeStore.modelsOfRuns,
      dropRuns: purgeStore.dropRuns,
      dropLoggedModels: purgeStore.dropLoggedModels,
      dropExperiment: purgeStore.dropExperiment,
      thaw: purgeStore.thaw,
      countDue: purgeStore.countDue,
      heldAmong: purgeStore.heldAmong,
    },

    /** Lets work beside the requests end. */
    async stop(): Promise<void> {
      await Promise.all([gathering.settle(), counting.settle()])
    },

    /** Makes the experiment "Default" of a new workspace. */
    async openWorkspace(tx: Tx, workspace: string): Promise<void> {
      const nowMs = clock.now().getTime()
      await experimentStore.addExperiment(tx, workspace, {
        name: DEFAULT_EXPERIMENT,
        artifactLocation: null,
        nowMs,
        tags: [],
      })
    },

    /** Takes the "Default" of a workspace that closes, when nothing was ever logged to it. */
    async closeWorkspace(tx: Tx, workspace: string): Promise<void> {
      await experimentStore.removeUnused(tx, workspace, DEFAULT_EXPERIMENT)
    },

    /** Mounts the own API. */
    routes(app: HttpServer): void {
      experimentApi(app, platform, { tracking, history, artifacts, models }, ports)
    },

    /** Mounts MLflow's API; `more` adds what other modules have of it to the same scope. */
    mlflow(app: HttpServer, more: (scope: FastifyInstance) => void): void {
      mlflowScope(app, platform.log, (scope) => {
        mountMlflow(scope, '2.0/mlflow', {
          ...experimentRoutes(tracking),
          ...runRoutes(tracking),
          ...historyRoutes(history, tracking, artifacts),
          ...loggedModelRoutes(models, artifacts),
        })
        // MLflow 3.17.2 has this path without its slash; its own page uses the other.
        const { 'POST experiments/search-datasets': searchDatasets } = loggedModelRoutes(models, artifacts)
        if (searchDatasets) mountMlflow(scope, '2.0mlflow', { 'POST experiments/search-datasets': searchDatasets })
        artifactRoutes(scope, artifacts, uploads, tracking, models)
        serverRoutes(scope)
        more(scope)
        notYetRoutes(scope)
      })
    },
  }
}

export type Experiments = ReturnType<typeof createExperiments>
