import type { Actor, Platform } from '../platform/index.ts'
import { noRun } from './lifecycle.ts'
import * as logStore from './logStore.ts'
import { runInfo } from './runStore.ts'
import type { MetricPoint } from './types.ts'

export type RunHistory = ReturnType<typeof createHistory>

/** The course of metrics: whole, by page, or sampled. */
export function createHistory({ db }: Platform) {
  async function checked(actor: Actor, run: string): Promise<void> {
    actor.require('experiments.read', run)
    if (!(await runInfo(db, actor.workspace, run))) throw noRun(run)
  }
  return {
    async all(actor: Actor, run: string, key: string, offset = 0): Promise<MetricPoint[]> {
      await checked(actor, run)
      return logStore.metricHistory(db, actor.workspace, run, key, { offset, limit: null })
    },
    async page(actor: Actor, run: string, key: string, offset: number, limit: number): Promise<MetricPoint[]> {
      await checked(actor, run)
      return logStore.metricHistory(db, actor.workspace, run, key, { offset, limit })
    },
    async sampled(
      actor: Actor,
      runs: readonly string[],
      key: string,
      points: number,
      steps: { from: number; to: number } | null,
    ): Promise<(MetricPoint & { run: string })[]> {
      for (const run of runs) await checked(actor, run)
      return logStore.sampledHistory(db, actor.workspace, runs, key, points, steps)
    },
  }
}
