import { parseColumn, RUNS } from '@tidemark/mlflow-protocol'
import type { Columns } from './runStore.ts'

/** What a projection shows, from names as in a filter: `metrics.rmse`, "params.`a b`", `tags.stage`. @throws MlflowError for other names. */
export function columnsOf(names: readonly string[]): Columns {
  const columns = { metrics: new Set<string>(), parameters: new Set<string>(), tags: new Set<string>() }
  for (const name of names) {
    const { of, key } = parseColumn(name, RUNS)
    if (of === 'metric') columns.metrics.add(key)
    else if (of === 'parameter') columns.parameters.add(key)
    else columns.tags.add(key)
  }
  return { metrics: [...columns.metrics], parameters: [...columns.parameters], tags: [...columns.tags] }
}
