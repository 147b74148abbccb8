import type { Actor, Platform } from '../platform/index.ts'
import type { Gathering } from './gathering.ts'
import { courses, runNumbers } from './historyStore.ts'
import type { KeyNumbers } from './keys.ts'
import { byStep, type NumberedPoint } from './points.ts'
import type { MetricPoint } from './types.ts'

export type RunHistory = ReturnType<typeof createHistory>

/** The course of metrics: whole, by page, or sampled. */
export function createHistory({ db, database }: Platform, keys: KeyNumbers, gathering: Gathering) {
  /** The courses of a metric, in the order of the runs; empty where a run has none, or as in MLflow where there is no such run. */
  async function read(actor: Actor, runs: readonly string[], key: string): Promise<(readonly NumberedPoint[])[]> {
    actor.require('experiments.read', runs[0])
    const numbers = await runNumbers(db, actor.workspace, runs)
    const number = (await keys.find(actor.workspace, [key])).get(key)
    if (number === undefined) return runs.map(() => [])
    const found = await courses(database.statements, [...numbers.values()], number)
    for (const { run, logRows } of found.values()) gathering.read(run, logRows)
    return runs.map((run) => found.get(numbers.get(run) ?? -1)?.points ?? [])
  }

  return {
    /** Every value, by time, then step, then value. */
    async all(actor: Actor, run: string, key: string, offset = 0): Promise<readonly NumberedPoint[]> {
      const [points = []] = await read(actor, [run], key)
      return offset === 0 ? points : points.slice(offset)
    },

    async page(
      actor: Actor,
      run: string,
      key: string,
      offset: number,
      limit: number,
    ): Promise<readonly NumberedPoint[]> {
      const [points = []] = await read(actor, [run], key)
      return points.slice(offset, offset + limit)
    },

    /** At most `most` values of each run, evenly over its values by step, the first and the last among them. */
    async sampled(
      actor: Actor,
      runs: readonly string[],
      key: string,
      most: number,
      steps: { from: number; to: number } | null,
    ): Promise<(MetricPoint & { run: string })[]> {
      const found = await read(actor, runs, key)
      return runs.flatMap((run, index) => {
        const within = (found[index] ?? []).filter(
          (point) => !steps || (point.step >= steps.from && point.step <= steps.to),
        )
        return sample(within.toSorted(byStep), most).map((point) => ({ ...point, key, run }))
      })
    },
  }
}

/** As SQL's `ntile` shares points out: the first of each of `most` shares, and in place of the last of these the end. MLflow's own sample. */
function sample(points: readonly NumberedPoint[], most: number): readonly NumberedPoint[] {
  if (points.length <= most) return points
  const [small, larger] = [Math.floor(points.length / most), points.length % most]
  const isFirst = (index: number) =>
    index < larger * (small + 1) ? index % (small + 1) === 0 : (index - larger) % small === 0
  const lastShare = points.length - small
  return points.filter((_, index) => (index < lastShare ? isFirst(index) : index === points.length - 1))
}
