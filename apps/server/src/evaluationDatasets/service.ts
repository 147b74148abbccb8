import { EVALUATION_DATASETS, invalid, missing, parseFilter, parseOrderBy } from '@tidemark/mlflow-protocol'
import { type Actor, inTransaction, type Platform, type Queryable, type Tx } from '../platform/index.ts'
import { mergeRecord, newRecord, schemaWith, tagTexts, userOf } from './decide.ts'
import { digestOf, inputHash, newId } from './identity.ts'
import type { JsonObject } from './json.ts'
import * as store from './store.ts'
import type { EvaluationDataset, EvaluationRecord, GivenRecord } from './types.ts'

/** What evaluation datasets use of other modules. */
export interface EvaluationDatasetPorts {
  experimentExists(db: Queryable, workspace: string, id: string): Promise<boolean>
}

export type EvaluationDatasets = ReturnType<typeof createService>

/** Evaluation datasets: records of inputs and what is expected of them, kept once for each input. */
export function createService(platform: Platform, ports: EvaluationDatasetPorts) {
  const { db, clock } = platform
  const nowMs = () => clock.now().getTime()

  async function locked(tx: Tx, workspace: string, id: string, message: string): Promise<EvaluationDataset> {
    const found = await store.lockDataset(tx, workspace, id)
    if (!found) throw missing(message)
    return found
  }

  return {
    async create(
      actor: Actor,
      given: { readonly name: string; readonly tags: JsonObject; readonly experiments: readonly string[] },
    ): Promise<EvaluationDataset> {
      actor.require('experiments.write', given.name)
      const now = nowMs()
      const user = userOf(given.tags)
      const made: EvaluationDataset = {
        id: newId('d'),
        name: given.name,
        digest: digestOf(given.name, now),
        tags: tagTexts(given.tags),
        schema: null,
        profile: null,
        createdMs: now,
        updatedMs: now,
        createdBy: user,
        updatedBy: user,
      }
      await inTransaction(db, async (tx) => {
        await store.saveDataset(tx, actor.workspace, made)
        await store.addToExperiments(tx, made.id, given.experiments)
      })
      return made
    },

    async get(actor: Actor, id: string): Promise<EvaluationDataset> {
      actor.require('experiments.read', id)
      const found = await store.datasetById(db, actor.workspace, id)
      if (!found) throw missing(`Evaluation dataset with id '${id}' not found`)
      return found
    },

    /** Deletes a dataset with its records; one that is not there is no error, as in MLflow. */
    async remove(actor: Actor, id: string): Promise<void> {
      actor.require('experiments.delete', id)
      await store.deleteDataset(db, actor.workspace, id)
    },

    async search(
      actor: Actor,
      question: {
        readonly experiments: readonly string[]
        readonly filter: string | undefined
        readonly orderBy: readonly string[] | undefined
        readonly offset: number
        readonly limit: number
      },
    ): Promise<EvaluationDataset[]> {
      actor.require('experiments.read')
      const clauses = parseFilter(question.filter, EVALUATION_DATASETS)
      if (clauses.some((clause) => clause.kind === 'list' && clause.operator === 'NOT IN')) {
        throw invalid("List values for 'name' are only supported with the IN comparator.")
      }
      const sort = parseOrderBy(question.orderBy, EVALUATION_DATASETS)
      const other = sort.find((key) => key.of !== 'attribute')
      if (other) throw invalid(`Invalid order_by entity: ${other.of}`)
      return store.searchDatasets(db, actor.workspace, {
        experiments: question.experiments,
        clauses,
        sort,
        offset: question.offset,
        limit: question.limit,
      })
    },

    /** Adds to the tags; a null leaves its tag as it is. */
    async setTags(actor: Actor, id: string, tags: JsonObject): Promise<void> {
      actor.require('experiments.write', id)
      await inTransaction(db, async (tx) => {
        const before = await locked(tx, actor.workspace, id, `Could not find evaluation dataset with ID ${id}`)
        await store.saveDataset(tx, actor.workspace, { ...before, tags: { ...before.tags, ...tagTexts(tags) } })
      })
    },

    async removeTag(actor: Actor, id: string, key: string): Promise<void> {
      actor.require('experiments.write', id)
      await inTransaction(db, async (tx) => {
        const before = await store.lockDataset(tx, actor.workspace, id)
        if (!before) return
        const tags = Object.fromEntries(Object.entries(before.tags).filter(([name]) => name !== key))
        await store.saveDataset(tx, actor.workspace, { ...before, tags })
      })
    },

    async experimentIds(actor: Actor, id: string): Promise<string[]> {
      actor.require('experiments.read', id)
      return store.experimentsOf(db, actor.workspace, id)
    },

    async addToExperiments(actor: Actor, id: string, experiments: readonly string[]): Promise<EvaluationDataset> {
      actor.require('experiments.write', id)
      return inTransaction(db, async (tx) => {
        const before = await locked(tx, actor.workspace, id, `Dataset '${id}' not found`)
        for (const experiment of experiments) {
          if (await ports.experimentExists(tx, actor.workspace, experiment)) continue
          throw missing(`No Experiment with id=${experiment}`)
        }
        await store.addToExperiments(tx, id, experiments)
        const after = { ...before, updatedMs: nowMs() }
        await store.saveDataset(tx, actor.workspace, after)
        return after
      })
    },

    async removeFromExperiments(actor: Actor, id: string, experiments: readonly string[]): Promise<EvaluationDataset> {
      actor.require('experiments.write', id)
      return inTransaction(db, async (tx) => {
        const before = await locked(tx, actor.workspace, id, `Dataset '${id}' not found`)
        const removed = await store.removeFromExperiments(tx, id, experiments)
        if (removed === 0) return before
        const after = { ...before, updatedMs: nowMs() }
        await store.saveDataset(tx, actor.workspace, after)
        return after
      })
    },

    /** Adds records; those whose inputs are there already are merged into them. */
    async upsertRecords(
      actor: Actor,
      id: string,
      given: readonly GivenRecord[],
    ): Promise<{ inserted: number; updated: number }> {
      actor.require('experiments.write', id)
      return inTransaction(db, async (tx) => {
        const before = await locked(tx, actor.workspace, id, `Evaluation dataset with id '${id}' not found`)
        const now = nowMs()
        const hashes = given.map((record) => inputHash(record.inputs))
        const known = await store.recordsByInputs(tx, id, hashes)
        const records = new Map<string, EvaluationRecord>(known.map((record) => [record.inputHash, record]))
        let inserted = 0
        let updatedBy: string | null = null
        for (const [index, record] of given.entries()) {
          const hash = hashes[index] ?? ''
          const there = records.get(hash)
          if (!there) inserted += 1
          records.set(
            hash,
            there ? mergeRecord(there, record, now) : newRecord(record, { id: newId('dr'), inputHash: hash }, now),
          )
          updatedBy = userOf(record.tags) ?? updatedBy
        }
        await store.saveRecords(tx, id, [...records.values()])
        const count = await store.countRecords(tx, id)
        await store.saveDataset(tx, actor.workspace, {
          ...before,
          schema: schemaWith(before.schema, given) ?? before.schema,
          profile: count === 0 ? before.profile : profileOf(count),
          digest: digestOf(before.name, now),
          updatedMs: now,
          updatedBy,
        })
        return { inserted, updated: given.length - inserted }
      })
    },

    /** Records after a position; of a dataset that is not there none, as in MLflow. */
    async records(actor: Actor, id: string, after: number, limit: number) {
      actor.require('experiments.read', id)
      return store.recordsAfter(db, actor.workspace, id, after, limit)
    },

    async removeRecords(actor: Actor, id: string, records: readonly string[]): Promise<number> {
      actor.require('experiments.write', id)
      return inTransaction(db, async (tx) => {
        const before = await store.lockDataset(tx, actor.workspace, id)
        const removed = before ? await store.deleteRecords(tx, id, records) : 0
        if (before && removed > 0) {
          const profile = profileOf(await store.countRecords(tx, id))
          await store.saveDataset(tx, actor.workspace, { ...before, profile })
        }
        return removed
      })
    },
  }
}

function profileOf(records: number): string {
  return records === 0 ? 'null' : `{"num_records": ${records}}`
}
