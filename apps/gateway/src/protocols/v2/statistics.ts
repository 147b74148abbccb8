import type { Tallies, Tally } from '../../scoring/tally.ts'
import type { ServedEndpoint } from '../../snapshot/serving.ts'
import { numberOf } from '../versions.ts'

/** Statistics of an endpoint's versions since this gateway began, as Triton's extension counts them; times in nanoseconds. */
export function statisticsOf({ spec, champion, tried }: ServedEndpoint, tallies: Tallies, version: string | null) {
  return [champion, ...tried]
    .map((each) => each.version)
    .filter((each) => version === null || numberOf(each) === version)
    .map((each) => modelStatistics(spec.name, numberOf(each), tallies.of(spec.workspace, spec.name, each)))
}

function modelStatistics(name: string, version: string, tally: Tally) {
  const { predicted, failed } = tally
  const total = predicted + failed
  const duration = (count: number, milliseconds: number) => ({ count, ns: Math.round(milliseconds * 1e6) })
  return {
    name,
    version,
    last_inference: tally.lastAt,
    inference_count: tally.rows,
    execution_count: predicted,
    inference_stats: {
      success: duration(predicted, tally.totalMs - tally.failedMs),
      fail: duration(failed, tally.failedMs),
      queue: duration(total, tally.queueMs),
      compute_input: duration(total, tally.parseMs),
      compute_infer: duration(predicted, tally.inferMs),
      compute_output: duration(0, 0),
      cache_hit: duration(0, 0),
      cache_miss: duration(0, 0),
    },
    batch_stats: [],
  }
}
