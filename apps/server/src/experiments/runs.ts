import { randomUUID } from 'node:crypto'
import {
  checkLength,
  experimentNumber,
  invalid,
  LIMITS,
  parseFilter,
  parseOrderBy,
  RUNS,
  type RunStatusName,
  type ViewTypeName,
} from '@tidemark/mlflow-protocol'
import { type Actor, createShapes, type Platform, type Queryable } from '../platform/index.ts'
import { checkTag } from './checks.ts'
import type { Counting } from './counting.ts'
import { cursorOf, cursorToken, type RunCursor } from './cursor.ts'
import { activeExperiment } from './experiments.ts'
import type { Gathering } from './gathering.ts'
import type { KeyNumbers } from './keys.ts'
import { assertActive, noRun, STAGES } from './lifecycle.ts'
import { randomName } from './names.ts'
import type { PackedRun } from './packedRun.ts'
import type { RunQuestion } from './questions.ts'
import { countAllRuns } from './runCountStore.ts'
import * as runStore from './runStore.ts'
import { countRuns, placesAfter, walkOf } from './searchStore.ts'
import type { KeyValue, Lifecycle, Run, RunInfo } from './types.ts'
import type { Place } from './walkStore.ts'

const RUN_NAME = 'mlflow.runName'

export interface RunSearch {
  readonly experiments: readonly number[] | null
  readonly view: ViewTypeName
  readonly filter: string | undefined
  readonly orderBy: readonly string[] | undefined
}

/** A page of a search. */
export interface RunPage {
  /** The token of the page before; undefined for the first. */
  readonly after: string | undefined
  /** Runs, at most. */
  readonly limit: number
  /** Show these values alone; null for all. */
  readonly columns: runStore.Columns | null
}

const FINAL = new Set<string>(['FINISHED', 'FAILED', 'KILLED'])
// So many runs are read at a time: a page of thousands with hundreds of metrics each is never in memory as a whole.
const SLICE = 100

/** Runs: their start, end, life and search. */
export function createRuns(platform: Platform, keys: KeyNumbers, gathering: Gathering, counting: Counting) {
  const { db, database, live } = platform

  const shapes = createShapes(db, database.statements)

  async function questionOf(workspace: string, search: RunSearch): Promise<RunQuestion> {
    const clauses = parseFilter(search.filter, RUNS)
    const sort = parseOrderBy(search.orderBy, RUNS)
    const named = [...clauses, ...sort].filter(({ of }) => of === 'metric' || of === 'parameter' || of === 'tag')
    return {
      experiments: search.experiments,
      stages: STAGES[search.view],
      clauses,
      sort,
      keys: await keys.find(
        workspace,
        named.map(({ key }) => key),
      ),
    }
  }

  return {
    async createRun(
      actor: Actor,
      given: { experimentId: string; user: string; name: string; startMs: number; tags: readonly KeyValue[] },
    ): Promise<Run> {
      actor.require('experiments.write', given.experimentId)
      const checked = given.tags.map((tag, index) => checkTag(tag, `tags[${index}].`))
      const named = checked.findLast((tag) => tag.key === RUN_NAME)?.value ?? ''
      if (given.name && named && given.name !== named) {
        throw invalid(
          `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${given.name}', mlflow.runName='${named}').`,
        )
      }
      const name = given.name || named || randomName()
      const tags = new Map(checked.map((tag) => [tag.key, tag.value]))
      tags.set(RUN_NAME, name)
      const id = randomUUID().replaceAll('-', '')
      const run = {
        id,
        experiment: given.experimentId === '' ? 0 : experimentNumber(given.experimentId),
        name,
        user: given.user,
        status: 'RUNNING',
        startMs: given.startMs,
      } as const
      const list = [...tags].map(([key, value]) => ({ key, value }))
      const artifactUri = await runStore.addRun(database.statements, keys, actor.workspace, run, list)
      if (artifactUri === null) {
        await activeExperiment(db, actor.workspace, given.experimentId)
        throw new Error('An active experiment took no run.')
      }
      live.changed('run', id)
      return {
        ...run,
        endMs: null,
        artifactUri,
        lifecycle: 'active',
        parameters: [],
        tags: list,
        metrics: [],
        inputs: [],
        models: [],
      }
    },

    async run(actor: Actor, id: string): Promise<Run> {
      actor.require('experiments.read', id)
      const run = await runStore.runById(database.statements, keys, actor.workspace, id)
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
      const updated = await runStore.updateRun(database.statements, keys, actor.workspace, id, { ...change, name })
      if (!updated) return activeRun(db, actor.workspace, id)
      if (FINAL.has(updated.status)) gathering.ended(updated.no)
      live.changed('run', id)
      return updated
    },

    async moveRun(actor: Actor, id: string, to: Lifecycle): Promise<void> {
      actor.require('experiments.delete', id)
      if (!(await runStore.moveRun(db, actor.workspace, id, to, platform.clock.now().getTime()))) throw noRun(id)
      live.changed('run', id)
    },

    /**
     * A page of runs, slice by slice, in order; `next` is the token of the page after, if there is one.
     * The places are found first, and are what the page holds; the runs are read while they are sent.
     */
    async searchRuns(
      actor: Actor,
      search: RunSearch,
      page: RunPage,
    ): Promise<{ slices: AsyncGenerator<readonly PackedRun[]>; next: string | null }> {
      actor.require('experiments.read')
      const cursor = cursorOf(page.after)
      const question = await questionOf(actor.workspace, search)
      // One more than asked shows whether a page follows.
      const found = await placesAfter(db, shapes, actor.workspace, question, cursor, page.limit + 1)
      const places = found.slice(0, page.limit)
      async function* slices(): AsyncGenerator<readonly PackedRun[]> {
        for (let from = 0; from < places.length; from += SLICE) {
          const numbers = places.slice(from, from + SLICE).map((place) => place.no)
          yield await runStore.runsByNumber(database.statements, keys, actor.workspace, numbers, page.columns)
        }
      }
      const more = found.length > places.length
      return { slices: slices(), next: more ? cursorToken(cursorAfter(question, cursor, places)) : null }
    },

    async countRuns(actor: Actor, search: RunSearch): Promise<number> {
      actor.require('experiments.read')
      const question = await questionOf(actor.workspace, search)
      if (question.clauses.length > 0) return countRuns(db, actor.workspace, question)
      const { total, behind } = await countAllRuns(db, actor.workspace, question.experiments, question.stages)
      counting.looked(behind)
      return total
    },
  }
}

/** The cursor of the page after these places. */
function cursorAfter(question: RunQuestion, before: RunCursor, places: readonly Place[]): RunCursor {
  const offset = before.offset + places.length
  const last = places.at(-1)
  if (!last || walkOf(question.sort).kind === 'sorted') return { offset }
  return { offset, after: { startMs: last.startMs, id: last.id, value: last.value } }
}

/** @throws MlflowError for a run that is not there, or deleted. */
export async function activeRun(on: Queryable, workspace: string, id: string): Promise<RunInfo> {
  const run = await runStore.runInfo(on, workspace, id)
  assertActive(id, run?.lifecycle ?? null)
  return run as RunInfo
}
