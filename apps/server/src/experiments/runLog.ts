import { invalid, missing } from '@tidemark/mlflow-protocol'
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
import { assertActive } from './lifecycle.ts'
import * as logStore from './logStore.ts'
import * as runStore from './runStore.ts'
import { activeRun } from './runs.ts'
import type { DatasetInput, KeyValue, LoggedMetric, RunModel } from './types.ts'

const LOGGED_MODELS_TAG = 'mlflow.log-model.history'

/** What is logged to a run while it goes: metrics, parameters, tags, inputs and models. */
export function createRunLog(platform: Platform) {
  const { db, live } = platform

  return {
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
  }
}
