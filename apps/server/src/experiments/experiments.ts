import {
  type Clause,
  checkExperimentName,
  EXPERIMENTS,
  exists,
  experimentNumber,
  MlflowError,
  missing,
  parseFilter,
  parseOrderBy,
  type ViewTypeName,
} from '@tidemark/mlflow-protocol'
import { type Actor, inTransaction, type Platform, type Queryable } from '../platform/index.ts'
import { checkExperimentTag } from './checks.ts'
import * as experimentStore from './experimentStore.ts'
import { notActive, STAGES } from './lifecycle.ts'
import { locationOf } from './location.ts'
import type { Experiment, KeyValue, Lifecycle } from './types.ts'

/** Experiments: their names, tags and life. */
export function createExperimentList(platform: Platform) {
  const { db, live, clock } = platform
  const nowMs = () => clock.now().getTime()

  return {
    async createExperiment(
      actor: Actor,
      given: { name: string; artifactLocation: string | undefined; tags: readonly KeyValue[] },
    ): Promise<number> {
      actor.require('experiments.write', given.name)
      checkExperimentName(given.name)
      for (const tag of given.tags) checkExperimentTag(tag)
      const artifactLocation = given.artifactLocation ? locationOf(given.artifactLocation, process.cwd()) : null
      const id = await inTransaction(db, (tx) =>
        experimentStore.addExperiment(tx, actor.workspace, { ...given, artifactLocation, nowMs: nowMs() }),
      )
      if (id === null) throw exists(`Experiment(name=${given.name}) already exists.`)
      live.changed('experiment', String(id))
      return id
    },

    async experiment(actor: Actor, id: string): Promise<Experiment> {
      actor.require('experiments.read', id)
      return experiment(db, actor.workspace, id)
    },

    async experimentByName(actor: Actor, name: string): Promise<Experiment> {
      actor.require('experiments.read', name)
      const found = await experimentStore.experimentByName(db, actor.workspace, name)
      if (!found) throw missing(`Could not find experiment with name '${name}'`)
      return found
    },

    async searchExperiments(
      actor: Actor,
      question: {
        view: ViewTypeName
        filter: string | undefined
        orderBy: readonly string[] | undefined
        offset: number
        limit: number
      },
    ): Promise<Experiment[]> {
      actor.require('experiments.read')
      return experimentStore.searchExperiments(db, actor.workspace, {
        stages: STAGES[question.view],
        clauses: parseFilter(question.filter, EXPERIMENTS).map(checkIds),
        sort: parseOrderBy(question.orderBy, EXPERIMENTS),
        offset: question.offset,
        limit: question.limit,
      })
    },

    async renameExperiment(actor: Actor, id: string, name: string): Promise<void> {
      actor.require('experiments.write', id)
      checkExperimentName(name)
      await inTransaction(db, async (tx) => {
        const found = await experiment(tx, actor.workspace, id)
        if (found.lifecycle !== 'active')
          throw new MlflowError('INVALID_STATE', 'Cannot rename a non-active experiment.')
        const renamed = await experimentStore.renameExperiment(tx, actor.workspace, found.id, name, nowMs())
        if (!renamed) throw exists(`Experiment(name=${name}) already exists.`)
      })
      live.changed('experiment', id)
    },

    /** Deletes an experiment with its runs, or brings both back. Softly: its name stays taken. */
    async moveExperiment(actor: Actor, id: string, to: Lifecycle): Promise<void> {
      actor.require('experiments.delete', id)
      await inTransaction(db, async (tx) => {
        const found = await experiment(tx, actor.workspace, id)
        if (found.lifecycle === to) throw missing(`No Experiment with id=${found.id} exists`)
        await experimentStore.moveExperiment(tx, actor.workspace, found.id, to, nowMs())
      })
      live.changed('experiment', id)
    },

    async setExperimentTag(actor: Actor, id: string, tag: KeyValue): Promise<void> {
      actor.require('experiments.write', id)
      checkExperimentTag(tag)
      const found = await activeExperiment(db, actor.workspace, id)
      await experimentStore.setExperimentTag(db, actor.workspace, found.id, tag)
    },

    async removeExperimentTag(actor: Actor, id: string, key: string): Promise<void> {
      actor.require('experiments.write', id)
      const found = await activeExperiment(db, actor.workspace, id)
      const removed = await experimentStore.removeExperimentTag(db, actor.workspace, found.id, key)
      if (!removed) throw missing(`No tag with name: ${key} in experiment with id ${id}`)
    },
  }
}

/** Ids of experiments are numbers, in filters too. */
function checkIds(clause: Clause): Clause {
  if (clause.of !== 'attribute' || clause.key !== 'experiment_id') return clause
  if (clause.kind === 'text') return { ...clause, value: String(experimentNumber(clause.value)) }
  if (clause.kind === 'list') return { ...clause, values: clause.values.map((id) => String(experimentNumber(id))) }
  return clause
}

async function experiment(on: Queryable, workspace: string, id: string): Promise<Experiment> {
  const number = id === '' ? 0 : experimentNumber(id)
  const found = await experimentStore.experimentById(on, workspace, number)
  if (!found) throw missing(`No Experiment with id=${number} exists`)
  return found
}

/** @throws MlflowError for an experiment that is not there, or deleted. */
export async function activeExperiment(on: Queryable, workspace: string, id: string): Promise<Experiment> {
  const found = await experiment(on, workspace, id)
  if (found.lifecycle !== 'active') throw notActive('experiment', id, found.lifecycle)
  return found
}
