import { invalid, missing, pythonText } from '@tidemark/mlflow-protocol'
import { type Actor, inTransaction, type Platform } from '../platform/index.ts'
import {
  checkDataset,
  checkMetric,
  checkParameter,
  checkTag,
  checkWholeBatch,
  parseList,
  parseModelJson,
  storedValue,
} from './checks.ts'
import type { Gathering } from './gathering.ts'
import type { KeyNumbers } from './keys.ts'
import { assertActive } from './lifecycle.ts'
import * as logStore from './logStore.ts'
import type { MetricWriter } from './metricWriter.ts'
import * as runStore from './runStore.ts'
import { activeRun } from './runs.ts'
import type { DatasetInput, KeyValue, LoggedMetric, RunModel } from './types.ts'

const LOGGED_MODELS_TAG = 'mlflow.log-model.history'

/** What is logged to a run while it goes: metrics, parameters, tags, inputs and models. */
export function createRunLog(platform: Platform, keys: KeyNumbers, writer: MetricWriter, gathering: Gathering) {
  const { db, database, live } = platform

  /** Writes a batch: metrics alone together with those of others, the rest by itself, what speaks for a logged model in a transaction. */
  async function write(
    workspace: string,
    id: string,
    batch: { metrics: readonly LoggedMetric[]; parameters: readonly KeyValue[]; tags: readonly KeyValue[] },
  ): Promise<readonly logStore.ParameterClash[]> {
    const metrics = batch.metrics.map(storedMetric)
    const stored = { ...batch, metrics }
    const plain = batch.parameters.length === 0 && batch.tags.length === 0
    const outcome = metrics.some((metric) => metric.model !== null)
      ? await inTransaction(db, async (tx) => {
          const written = await logStore.logBatch(tx, keys, workspace, id, stored)
          const good = written.lifecycle === 'active' && written.clashes.length === 0
          const lost = good ? await logStore.logModelMetrics(tx, workspace, id, metrics) : null
          if (lost !== null) throw missing(`Logged model with ID '${lost}' not found.`)
          return written
        })
      : plain && metrics.length > 0
        ? { ...(await writer.log(workspace, id, metrics)), clashes: [] }
        : await logStore.logBatch(database.statements, keys, workspace, id, stored)
    assertActive(id, outcome.lifecycle)
    if (metrics.length > 0 && outcome.no !== null && outcome.clashes.length === 0) gathering.wrote(outcome.no)
    live.changed('run', id)
    return outcome.clashes
  }

  return {
    async logMetric(actor: Actor, id: string, metric: LoggedMetric): Promise<void> {
      actor.require('experiments.write', id)
      checkMetric(metric, '')
      await write(actor.workspace, id, { metrics: [metric], parameters: [], tags: [] })
    },

    async logParameter(actor: Actor, id: string, parameter: KeyValue): Promise<void> {
      actor.require('experiments.write', id)
      const checked = checkParameter(parameter, '')
      const [clash] = await write(actor.workspace, id, { metrics: [], parameters: [checked], tags: [] })
      if (clash) {
        throw invalid(
          `Changing param values is not allowed. Param with key='${clash.key}' was already logged with value='${clash.old_value}' for run ID='${id}'. Attempted logging new value '${clash.new_value}'.`,
        )
      }
    },

    async logBatch(
      actor: Actor,
      id: string,
      batch: { metrics: readonly LoggedMetric[]; parameters: readonly KeyValue[]; tags: readonly KeyValue[] },
    ): Promise<void> {
      actor.require('experiments.write', id)
      const clashes = await write(actor.workspace, id, checkWholeBatch(id, batch))
      if (clashes.length > 0) {
        const list = clashes.map(
          (c) =>
            `{'key': ${pythonText(c.key)}, 'old_value': ${pythonText(c.old_value)}, 'new_value': ${pythonText(c.new_value)}}`,
        )
        throw invalid(
          `Changing param values is not allowed. Params were already logged='[${list.join(', ')}]' for run ID='${id}'.`,
        )
      }
    },

    async setTag(actor: Actor, id: string, tag: KeyValue): Promise<void> {
      actor.require('experiments.write', id)
      await write(actor.workspace, id, { metrics: [], parameters: [], tags: [checkTag(tag, '')] })
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
        const run = await runStore.runById(tx, keys, actor.workspace, id)
        assertActive(id, run?.lifecycle ?? null)
        const before = parseList(run?.tags.find((tag) => tag.key === LOGGED_MODELS_TAG)?.value)
        const tag = { key: LOGGED_MODELS_TAG, value: JSON.stringify([...before, model]) }
        checkTag(tag, '')
        await logStore.logBatch(tx, keys, actor.workspace, id, { metrics: [], parameters: [], tags: [tag] })
      })
    },
  }
}

const LARGEST_INT64 = 2 ** 63

/** A metric as it is stored. @throws MlflowError for a step or a time beyond 64 bits. */
function storedMetric(metric: LoggedMetric): LoggedMetric {
  if (Math.abs(metric.step) >= LARGEST_INT64 || metric.atMs >= LARGEST_INT64) throw invalid('A number is out of range.')
  return { ...metric, value: storedValue(metric.value) }
}
