import { wireDouble } from '@tidemark/mlflow-protocol'
import type { KeyNumbers } from '../keys.ts'
import { eachMetric, eachText, type PackedRun, runInfoOf } from '../packedRun.ts'
import type { NumberedPoint } from '../points.ts'
import { createJsonText } from './jsonText.ts'
import { wireInputs, wireOutputs, wireRunInfo } from './wire.ts'

/**
 * Writes packed runs as JSON text, letter for letter what `JSON.stringify(wireRun(run))` gives. Lists of runs are most of what is read of a
 * tracking server: without an object for each value they cost a third, and leave nothing for the collector of garbage.
 * @param keys must have the names of the runs' keys loaded
 */
export function createRunText(keys: KeyNumbers): (run: PackedRun) => string {
  const heads = new Map<number, string>()

  function head(key: number): string {
    const known = heads.get(key)
    if (known !== undefined) return known
    const made = `{"key":${JSON.stringify(keys.name(key))},"value":`
    heads.set(key, made)
    return made
  }

  function metrics(bytes: Buffer | null): string {
    let text = ''
    eachMetric(bytes, (key, value, atMs, step) => {
      text += `${text === '' ? '"metrics":[' : ','}${head(key)}${metricTail(value, atMs, step)}`
    })
    return text === '' ? '' : `${text}]`
  }

  function texts(name: 'params' | 'tags', bytes: Buffer | null): string {
    let text = ''
    eachText(bytes, (key, value) => {
      text += `${text === '' ? `"${name}":[` : ','}${head(key)}${JSON.stringify(value)}}`
    })
    return text === '' ? '' : `${text}]`
  }

  return (run) => {
    const lists = [metrics(run.metrics), texts('params', run.parameters), texts('tags', run.tags)]
    const data = lists.filter((list) => list !== '').join(',')
    const models = run.models ?? []
    const inputs = run.inputs || run.models ? JSON.stringify(wireInputs(run.inputs ?? [], models)) : '{}'
    const outputs = run.models ? JSON.stringify(wireOutputs(models)) : '{}'
    const info = JSON.stringify(wireRunInfo(runInfoOf(run)))
    return `{"info":${info},"data":{${data}},"inputs":${inputs},"outputs":${outputs}}`
  }
}

/** What follows the key and `"value":` of a metric. */
function metricTail(value: number, atMs: number, step: number): string {
  return `${Number.isFinite(value) ? value : `"${wireDouble(value)}"`},"timestamp":${atMs},"step":${step}}`
}

/** The JSON of a course of a metric, as an answer with `metrics` and the fields of `more`; without `metrics` when it is empty. */
export function courseText(
  key: string,
  points: readonly NumberedPoint[],
  more: Readonly<Record<string, string>> = {},
): Buffer {
  const rest = JSON.stringify(more).slice(1)
  if (points.length === 0) return Buffer.from(`{${rest}`)
  const text = createJsonText()
  const head = `{"key":${JSON.stringify(key)},"value":`
  for (const [index, { value, atMs, step }] of points.entries()) {
    text.add(`${index === 0 ? '{"metrics":[' : ','}${head}${metricTail(value, atMs, step)}`)
  }
  text.add(rest === '}' ? ']}' : `],${rest}`)
  return text.bytes()
}
