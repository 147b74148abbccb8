import { randomUUID } from 'node:crypto'
import {
  ARTIFACT_SCHEME,
  artifactPath,
  checkExperimentName,
  checkLength,
  EXPERIMENTS,
  exists,
  experimentNumber,
  invalid,
  invalidValue,
  LIMITS,
  MlflowError,
  missing,
  parseFilter,
  parseOrderBy,
  pathOfUri,
  RUNS,
  type RunStatusName,
  type ViewTypeName,
} from '@tidemark/mlflow-protocol'
import { type Actor, inTransaction, type Platform, type Queryable } from '../platform/index.ts'
import {
  checkDataset,
  checkExperimentTag,
  checkMetric,
  checkParameter,
  checkTag,
  checkWholeBatch,
  parseList,
  parseModelJson,
  storedValue,
} from './checks.ts'
import * as experimentStore from './experimentStore.ts'
import * as logStore from './logStore.ts'
import { randomName } from './names.ts'
import * as runStore from './runStore.ts'
import { countRuns, type RunQuestion, searchRuns } from './searchStore.ts'
import type { DatasetInput, Experiment, KeyValue, Lifecycle, LoggedMetric, Run, RunInfo, RunModel } from './types.ts'

const RUN_NAME = 'mlflow.runName'
const LOGGED_MODELS_TAG = 'mlflow.log-model.history'

/** Stages of life that MLflow's view types show. */
export const STAGES: Readonly<Record<ViewTypeName, readonly Lifecycle[]>> = {
  ACTIVE_ONLY: ['active'],
  DELETED_ONLY: ['deleted'],
  ALL: ['active', 'deleted'],
}

export interface RunSearch {
  readonly experiments: readonly number[] | null
  readonly view: ViewTypeName
  readonly filter: string | undefined
  readonly orderBy: readonly string[] | undefined
  readonly offset: number
  readonly limit: number
}

export type Tracking = ReturnType<typeof createTracking>

/** Experiments, runs and what is logged to them. Errors are MLflow's own, because its clients read them. */
export function createTracking(platform: Platform) {
  const { db, live, clock } = platform
  const nowMs = () => clock.now().getTime()

  async function experiment(on: Queryable, workspace: string, id: string): Promise<Experiment> {
    const number = id === '' ? 0 : experimentNumber(id)
    const found = await experimentStore.experimentById(on, workspace, number)
    if (!found) throw missing(`No Experiment with id=${number} exists`)
    return found
  }

  async function activeExperiment(on: Queryable, workspace: string, id: string): Promise<Experiment> {
    const found = await experiment(on, workspace, id)
    if (found.lifecycle !== 'active') throw notActive('experiment', id, found.lifecycle)
    return found
  }

  async function activeRun(on: Queryable, workspace: string, id: string): Promise<RunInfo> {
    const run = await runStore.runInfo(on, workspace, id)
    assertActive(id, run?.lifecycle ?? null)
    return run as RunInfo
  }

  return {
    async createExperiment(
      actor: Actor,
      given: { name: string; artifactLocation: string | undefined; tags: readonly KeyValue[] },
    ): Promise<number> {
      actor.require('experiments.write', given.name)
      checkExperimentName(given.name)
      for (const tag of given.tags) checkExperimentTag(tag)
      const artifactLocation = given.artifactLocation ? ownLocation(given.artifactLocation) : null
      const id = await inTransaction(db, (tx) =>
        experimentStore.addExperiment(tx, actor.workspace, { ...given, artifactLocation, nowMs: nowMs() }),
      )
      if (id === null) throw exists(`Experiment(name=${given.name}) already exists.`)
      live.changed('experiment', String(id))
      return id
    },

    async experiment(actor: Actor, id: string): Promise<Experiment> {
      actor.require('experiments.read', id)
      return experiment(db, actor.workspace, id)
    },

    async experimentByName(actor: Actor, name: string): Promise<Experiment> {
      actor.require('experiments.read', name)
      const found = await experimentStore.experimentByName(db, actor.workspace, name)
      if (!found) throw missing(`Could not find experiment with name '${name}'`)
      return found
    },

    async searchExperiments(
      actor: Actor,
      question: {
        view: ViewTypeName
        filter: string | undefined
        orderBy: readonly string[] | undefined
        offset: number
        limit: number
      },
    ): Promise<Experiment[]> {
      actor.require('experiments.read')
      return experimentStore.searchExperiments(db, actor.workspace, {
        stages: STAGES[question.view],
        clauses: parseFilter(question.filter, EXPERIMENTS),
        sort: parseOrderBy(question.orderBy, EXPERIMENTS),
        offset: question.offset,
        limit: question.limit,
      })
    },

    async renameExperiment(actor: Actor, id: string, name: string): Promise<void> {
      actor.require('experiments.write', id)
      checkExperimentName(name)
      await inTransaction(db, async (tx) => {
        const found = await experiment(tx, actor.workspace, id)
        if (found.lifecycle !== 'active')
          throw new MlflowError('INVALID_STATE', 'Cannot rename a non-active experiment.')
        const renamed = await experimentStore.renameExperiment(tx, actor.workspace, found.id, name, nowMs())
        if (!renamed) throw exists(`Experiment(name=${name}) already exists.`)
      })
      live.changed('experiment', id)
    },

    /** Deletes an experiment with its runs, or brings both back. Softly: its name stays taken. */
    async moveExperiment(actor: Actor, id: string, to: Lifecycle): Promise<void> {
      actor.require('experiments.write', id)
      await inTransaction(db, async (tx) => {
        const found = await experiment(tx, actor.workspace, id)
        if (found.lifecycle === to) throw missing(`No Experiment with id=${found.id} exists`)
        await experimentStore.moveExperiment(tx, actor.workspace, found.id, to, nowMs())
      })
      live.changed('experiment', id)
    },

    async setExperimentTag(actor: Actor, id: string, tag: KeyValue): Promise<void> {
      actor.require('experiments.write', id)
      checkExperimentTag(tag)
      const found = await activeExperiment(db, actor.workspace, id)
      await experimentStore.setExperimentTag(db, actor.workspace, found.id, tag)
    },

    async removeExperimentTag(actor: Actor, id: string, key: string): Promise<void> {
      actor.require('experiments.write', id)
      const found = await activeExperiment(db, actor.workspace, id)
      const removed = await experimentStore.removeExperimentTag(db, actor.workspace, found.id, key)
      if (!removed) throw missing(`No tag with name: ${key} in experiment with id ${id}`)
    },

    async createRun(
      actor: Actor,
      given: { experimentId: string; user: string; name: string; startMs: number; tags: readonly KeyValue[] },
    ): Promise<Run> {
      actor.require('experiments.write', given.experimentId)
      const within = await activeExperiment(db, actor.workspace, given.experimentId)
      for (const [index, tag] of given.tags.entries()) checkTag(tag, `tags[${index}].`)
      const named = given.tags.findLast((tag) => tag.key === RUN_NAME)?.value ?? ''
      if (given.name && named && given.name !== named) {
        throw invalid(
          `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${given.name}', mlflow.runName='${named}').`,
        )
      }
      const name = given.name || named || randomName()
      const tags = new Map(given.tags.map((tag) => [tag.key, tag.value]))
      tags.set(RUN_NAME, name)
      const id = randomUUID().replaceAll('-', '')
      const run: Run = {
        id,
        experiment: within.id,
        name,
        user: given.user,
        status: 'RUNNING',
        startMs: given.startMs,
        endMs: null,
        artifactUri: `${within.artifactLocation}/${id}/artifacts`,
        lifecycle: 'active',
        parameters: [],
        tags: [...tags].map(([key, value]) => ({ key, value })),
        metrics: [],
        inputs: [],
        models: [],
      }
      await runStore.addRun(db, actor.workspace, run, run.tags)
      live.changed('run', id)
      return run
    },

    async run(actor: Actor, id: string): Promise<Run> {
      actor.require('experiments.read', id)
      const run = await runStore.runById(db, actor.workspace, id)
      if (!run) throw noRun(id)
      return run
    },

    async updateRun(
      actor: Actor,
      id: string,
      change: { status?: RunStatusName | undefined; endMs?: number | undefined; name?: string | undefined },
    ): Promise<RunInfo> {
      actor.require('experiments.write', id)
      const name = change.name || undefined
      checkLength('run_name', LIMITS.tagValue, name)
      const updated = await runStore.updateRun(db, actor.workspace, id, { ...change, name })
      if (!updated) return activeRun(db, actor.workspace, id)
      live.changed('run', id)
      return updated
    },

    async moveRun(actor: Actor, id: string, to: Lifecycle): Promise<void> {
      actor.require('experiments.write', id)
      if (!(await runStore.moveRun(db, actor.workspace, id, to))) throw noRun(id)
      live.changed('run', id)
    },

    async logMetric(actor: Actor, id: string, metric: LoggedMetric): Promise<void> {
      actor.require('experiments.write', id)
      checkMetric(metric, '')
      const stored = { ...metric, value: storedValue(metric.value) }
      assertActive(id, await logStore.logMetric(db, actor.workspace, id, stored))
      if (metric.model !== null) await logStore.logModelMetrics(db, actor.workspace, id, [stored])
      live.changed('run', id)
    },

    async logParameter(actor: Actor, id: string, parameter: KeyValue): Promise<void> {
      actor.require('experiments.write', id)
      checkParameter(parameter, '')
      const outcome = await logStore.logBatch(db, actor.workspace, id, {
        metrics: [],
        parameters: [parameter],
        tags: [],
      })
      assertActive(id, outcome.lifecycle)
      const clash = outcome.clashes[0]
      if (clash) {
        throw invalid(
          `Changing param values is not allowed. Param with key='${clash.key}' was already logged with value='${clash.old_value}' for run ID='${id}'. Attempted logging new value '${clash.new_value}'.`,
        )
      }
      live.changed('run', id)
    },

    async logBatch(
      actor: Actor,
      id: string,
      batch: { metrics: readonly LoggedMetric[]; parameters: readonly KeyValue[]; tags: readonly KeyValue[] },
    ): Promise<void> {
      actor.require('experiments.write', id)
      checkWholeBatch(id, batch)
      const metrics = batch.metrics.map((metric) => ({ ...metric, value: storedValue(metric.value) }))
      const outcome = await logStore.logBatch(db, actor.workspace, id, { ...batch, metrics })
      assertActive(id, outcome.lifecycle)
      if (outcome.clashes.length > 0) {
        const list = outcome.clashes.map(
          (c) => `{'key': '${c.key}', 'old_value': '${c.old_value}', 'new_value': '${c.new_value}'}`,
        )
        throw invalid(
          `Changing param values is not allowed. Params were already logged='[${list.join(', ')}]' for run ID='${id}'.`,
        )
      }
      if (metrics.some((metric) => metric.model !== null)) {
        await logStore.logModelMetrics(db, actor.workspace, id, metrics)
      }
      live.changed('run', id)
    },

    async setTag(actor: Actor, id: string, tag: KeyValue): Promise<void> {
      actor.require('experiments.write', id)
      checkTag(tag, '')
      const outcome = await logStore.logBatch(db, actor.workspace, id, { metrics: [], parameters: [], tags: [tag] })
      assertActive(id, outcome.lifecycle)
      live.changed('run', id)
    },

    async removeTag(actor: Actor, id: string, key: string): Promise<void> {
      actor.require('experiments.write', id)
      await activeRun(db, actor.workspace, id)
      const removed = await runStore.removeTag(db, actor.workspace, id, key)
      if (!removed) throw missing(`No tag with name: ${key} in run with id ${id}`)
      live.changed('run', id)
    },

    async addInputs(
      actor: Actor,
      id: string,
      datasets: readonly DatasetInput[],
      models: readonly RunModel[],
    ): Promise<void> {
      actor.require('experiments.write', id)
      for (const dataset of datasets) checkDataset(dataset)
      await inTransaction(db, async (tx) => {
        const run = await activeRun(tx, actor.workspace, id)
        await runStore.addInputs(tx, actor.workspace, run, datasets, models)
      })
      live.changed('run', id)
    },

    /** Keeps what an older client says of a model it logged, in the tag where MLflow looks for it. */
    async noteModel(actor: Actor, id: string, text: string): Promise<void> {
      actor.require('experiments.write', id)
      const model = parseModelJson(text)
      await inTransaction(db, async (tx) => {
        const run = await runStore.runById(tx, actor.workspace, id)
        assertActive(id, run?.lifecycle ?? null)
        const before = parseList(run?.tags.find((tag) => tag.key === LOGGED_MODELS_TAG)?.value)
        const tag = { key: LOGGED_MODELS_TAG, value: JSON.stringify([...before, model]) }
        checkTag(tag, '')
        await logStore.logBatch(tx, actor.workspace, id, { metrics: [], parameters: [], tags: [tag] })
      })
    },

    async searchRuns(actor: Actor, search: RunSearch): Promise<Run[]> {
      actor.require('experiments.read')
      return searchRuns(db, actor.workspace, questionOf(search))
    },

    async countRuns(actor: Actor, search: RunSearch): Promise<number> {
      actor.require('experiments.read')
      return countRuns(db, actor.workspace, questionOf(search))
    },
  }
}

function questionOf(search: RunSearch): RunQuestion {
  return {
    experiments: search.experiments,
    stages: STAGES[search.view],
    clauses: parseFilter(search.filter, RUNS),
    sort: parseOrderBy(search.orderBy, RUNS),
    offset: search.offset,
    limit: search.limit,
  }
}

export function noRun(id: string): MlflowError {
  return missing(`Run with id=${id} not found`)
}

function notActive(kind: 'run' | 'experiment', id: string, lifecycle: Lifecycle): MlflowError {
  return invalid(`The ${kind} ${id} must be in the 'active' state. Current state is ${lifecycle}.`)
}

function assertActive(id: string, lifecycle: Lifecycle | null): void {
  if (lifecycle === null) throw noRun(id)
  if (lifecycle !== 'active') throw notActive('run', id, lifecycle)
}

/** Where an experiment keeps its artifacts: below the server's own tree, outside the folders that it numbers itself. Nothing else is ever opened. */
function ownLocation(location: string): string {
  const path = pathOfUri(location)
  if (path === null || location.includes('?') || /^(\d+|workspaces)(\/|$)/.test(path)) {
    throw invalidValue(
      'artifact_location',
      location,
      'This server keeps artifacts itself: leave artifact_location out, or give mlflow-artifacts:/ and a folder name that is not a number',
    )
  }
  return `${ARTIFACT_SCHEME}${artifactPath(path)}`
}
