import { randomUUID } from 'node:crypto'
import {
  checkLength,
  invalid,
  LIMITS,
  parseFilter,
  parseOrderBy,
  RUNS,
  type RunStatusName,
  type ViewTypeName,
} from '@tidemark/mlflow-protocol'
import type { Actor, Platform, Queryable } from '../platform/index.ts'
import { checkTag } from './checks.ts'
import { activeExperiment } from './experiments.ts'
import { assertActive, noRun, STAGES } from './lifecycle.ts'
import { randomName } from './names.ts'
import * as runStore from './runStore.ts'
import { countRuns, type RunQuestion, searchRuns } from './searchStore.ts'
import type { KeyValue, Lifecycle, Run, RunInfo } from './types.ts'

const RUN_NAME = 'mlflow.runName'

export interface RunSearch {
  readonly experiments: readonly number[] | null
  readonly view: ViewTypeName
  readonly filter: string | undefined
  readonly orderBy: readonly string[] | undefined
  readonly offset: number
  readonly limit: number
}

/** Runs: their start, end, life and search. */
export function createRuns(platform: Platform) {
  const { db, live } = platform

  return {
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

/** @throws MlflowError for a run that is not there, or deleted. */
export async function activeRun(on: Queryable, workspace: string, id: string): Promise<RunInfo> {
  const run = await runStore.runInfo(on, workspace, id)
  assertActive(id, run?.lifecycle ?? null)
  return run as RunInfo
}
