import {
  type ImportCount,
  type ImportedExperiment,
  type ImportedLoggedModel,
  type ImportedModel,
  type ImportedRun,
  type ImportKind,
  type ImportOutcome,
  importFinished,
  uuidv7,
  versionsImported,
} from '@tidemark/contracts'
import type { Experiments, GivenLoggedModel, GivenRun } from '../experiments/index.ts'
import { type Actor, inTransaction, type Platform, type Queryable, type Tx } from '../platform/index.ts'
import type { RegistryModule } from '../registry/index.ts'
import { ExperimentNotImported, ImportFinished, ImportNotFound } from './errors.ts'
import * as store from './store.ts'
import type { ImportRow, Item } from './types.ts'

export interface ImportPorts {
  readonly experiments: Pick<Experiments, 'imported'>
  readonly registry: Pick<RegistryModule, 'imported'>
}

const JOINED_EXPERIMENT = 'It joined the experiment of its name that was here.'

/**
 * Imports: what a program read from another tracking server, given in pieces. Every piece may be given again: what is here with the same
 * digest is left alone, what changed at its source gains what it lacks. This server opens no path and no address of the source.
 */
export function createImportService(platform: Platform, ports: ImportPorts) {
  const { db, events, clock, live } = platform
  const content = ports.experiments.imported
  const registry = ports.registry.imported

  async function running(tx: Tx, workspace: string, id: string): Promise<ImportRow> {
    const found = await store.importById(tx, workspace, id)
    if (!found) throw ImportNotFound(id)
    if (found.state === 'finished') throw ImportFinished(id)
    return found
  }

  /** The experiments of this platform that those of the source became. */
  async function experimentsOf(
    tx: Tx,
    workspace: string,
    things: readonly { experiment: string }[],
  ): Promise<(id: string) => number> {
    const ids = [...new Set(things.map((thing) => thing.experiment))]
    const items = await store.itemsOf(tx, workspace, 'experiment', ids)
    return (id) => {
      const as = items.get(id)?.as
      if (as === undefined) throw ExperimentNotImported(id)
      return Number(as)
    }
  }

  async function addExperiment(
    tx: Tx,
    workspace: string,
    given: ImportedExperiment,
    before: Item | undefined,
  ): Promise<{ outcome: ImportOutcome; item: Item | null }> {
    const marks = { id: given.id, stamp: given.stamp, digest: given.digest }
    const told = (as: string, outcome: ImportOutcome['outcome'], reason: string | null = null) => ({
      id: given.id,
      as,
      outcome,
      reason,
    })
    if (!before) {
      const { id, how } = await content.addExperiment(tx, workspace, given)
      const joined = how === 'joined'
      const item = { ...marks, as: String(id), joined, checked: joined }
      return { outcome: told(item.as, 'imported', joined ? JOINED_EXPERIMENT : null), item }
    }
    const { as, joined } = before
    if (before.digest === given.digest) {
      return { outcome: told(as, 'unchanged', joined ? JOINED_EXPERIMENT : null), item: null }
    }
    if (joined) {
      await content.addExperiment(tx, workspace, given)
      return { outcome: told(as, 'updated', JOINED_EXPERIMENT), item: { ...before, ...marks } }
    }
    if (!(await content.updateExperiment(tx, workspace, Number(as), given))) {
      return { outcome: told(as, 'skipped', `Its new name "${given.name}" is taken here.`), item: null }
    }
    return { outcome: told(as, 'updated'), item: { ...before, ...marks, checked: false } }
  }

  async function digestsOf(on: Queryable, workspace: string, kind: ImportKind, items: readonly Item[]) {
    const ids = items.map((item) => item.id)
    switch (kind) {
      case 'experiment':
        return content.experimentDigests(on, workspace, items)
      case 'run':
        return content.runDigests(workspace, ids)
      case 'loggedModel':
        return content.loggedModelDigests(on, workspace, ids)
      case 'registeredModel':
        return registry.digests(on, workspace, ids)
      case 'files':
        return new Map<string, string>()
    }
  }

  return {
    /** Starts an import, or goes on with the unfinished one of the source. */
    async start(actor: Actor, source: string): Promise<{ import: ImportRow; resumed: boolean }> {
      actor.require('experiments.write', source)
      const id = uuidv7()
      const opened = await inTransaction(db, (tx) =>
        store.openImport(tx, actor.workspace, { id, source, now: clock.now() }),
      )
      return { import: opened, resumed: opened.id !== id }
    },

    async list(actor: Actor): Promise<ImportRow[]> {
      actor.require('experiments.read')
      return store.listImports(db, actor.workspace)
    },

    /** What came in before and was found good. */
    async known(actor: Actor, kind: ImportKind, ids: readonly string[]): Promise<Item[]> {
      actor.require('experiments.write')
      const items = await store.itemsOf(db, actor.workspace, kind, ids)
      return [...items.values()].filter((item) => item.checked)
    },

    async experiments(actor: Actor, id: string, given: readonly ImportedExperiment[]): Promise<ImportOutcome[]> {
      actor.require('experiments.write', id)
      const { workspace } = actor
      return inTransaction(db, async (tx) => {
        await running(tx, workspace, id)
        const ids = given.map((experiment) => experiment.id)
        const items = await store.itemsOf(tx, workspace, 'experiment', ids)
        const outcomes: ImportOutcome[] = []
        for (const experiment of given) {
          const before = items.get(experiment.id)
          // One that was deleted for good here comes again, without the runs that were.
          const known = before && (await content.isHere(tx, workspace, Number(before.as))) ? before : undefined
          const { outcome, item } = await addExperiment(tx, workspace, experiment, known)
          if (item) await store.putItems(tx, workspace, id, 'experiment', [item])
          outcomes.push(outcome)
        }
        return outcomes
      })
    },

    async runs(actor: Actor, id: string, given: readonly ImportedRun[]): Promise<ImportOutcome[]> {
      actor.require('experiments.write', id)
      const { workspace } = actor
      const outcomes = await inTransaction(db, async (tx) => {
        await running(tx, workspace, id)
        const ids = given.map((run) => run.id)
        const experimentOf = await experimentsOf(tx, workspace, given)
        const items = await store.itemsOf(tx, workspace, 'run', ids)
        const here = await content.runsHere(tx, workspace, ids)
        const wanted: GivenRun[] = []
        const told = given.map((run): ImportOutcome => {
          const item = items.get(run.id)
          const experiment = experimentOf(run.experiment)
          const outcome = (what: ImportOutcome['outcome'], reason: string | null = null) => ({
            id: run.id,
            as: run.id,
            outcome: what,
            reason,
          })
          const present = here.get(run.id)
          if (item && !present) return outcome('skipped', 'It was deleted for good here.')
          if (present && present.experiment !== experiment) {
            return outcome('skipped', 'A run of this id lies in another experiment here.')
          }
          if (item && isSame(item, run)) return outcome('unchanged')
          wanted.push(runOf(run, experiment))
          return outcome(wasGood(item) ? 'updated' : 'imported')
        })
        if (wanted.length > 0) await content.putRuns(tx, workspace, wanted)
        const complete = given.filter((run, index) => run.part !== 'more follows' && told[index]?.outcome !== 'skipped')
        await store.putItems(
          tx,
          workspace,
          id,
          'run',
          complete.map((run) => itemOf(run, items.get(run.id))),
        )
        return told
      })
      for (const { id: run, outcome } of outcomes) {
        if (outcome === 'imported' || outcome === 'updated') live.changed('run', run)
      }
      return outcomes
    },

    async loggedModels(actor: Actor, id: string, given: readonly ImportedLoggedModel[]): Promise<ImportOutcome[]> {
      actor.require('experiments.write', id)
      const { workspace } = actor
      return inTransaction(db, async (tx) => {
        await running(tx, workspace, id)
        const experimentOf = await experimentsOf(tx, workspace, given)
        const ids = given.map((model) => model.id)
        const items = await store.itemsOf(tx, workspace, 'loggedModel', ids)
        const changed = given.filter((model) => {
          const item = items.get(model.id)
          return !item || !isSame(item, model)
        })
        if (changed.length > 0) {
          const wanted = changed.map((model) => loggedModelOf(model, experimentOf(model.experiment)))
          await content.putLoggedModels(tx, workspace, wanted)
        }
        await store.putItems(
          tx,
          workspace,
          id,
          'loggedModel',
          given.map((model) => itemOf(model, items.get(model.id))),
        )
        return given.map((model) => {
          const item = items.get(model.id)
          const outcome = item && isSame(item, model) ? 'unchanged' : wasGood(item) ? 'updated' : 'imported'
          return { id: model.id, as: model.id, outcome, reason: null }
        })
      })
    },

    /** The files of runs and logged models as they lie here. */
    async files(actor: Actor, owners: readonly { kind: 'run' | 'loggedModel'; id: string }[]) {
      actor.require('experiments.read')
      const folders = []
      for (const owner of owners) folders.push({ id: owner.id, ...(await content.filesOf(db, actor.workspace, owner)) })
      return folders
    },

    async noteFiles(actor: Actor, id: string, given: { id: string; stamp: string; digest: string }): Promise<void> {
      actor.require('experiments.write', id)
      await inTransaction(db, async (tx) => {
        await running(tx, actor.workspace, id)
        const item = { ...given, as: given.id, joined: false, checked: true }
        await store.putItems(tx, actor.workspace, id, 'files', [item])
      })
    },

    /** Registered models, each with its versions and aliases, as if registered by hand: nothing is ever rolled out because of it. */
    async models(actor: Actor, id: string, given: readonly ImportedModel[]) {
      actor.require('registry.write', id)
      const { workspace } = actor
      const outcomes = []
      // One model a transaction: a version's files are frozen, and models of many versions would hold locks on one another's.
      for (const model of given) {
        const told = await inTransaction(db, async (tx) => {
          await running(tx, workspace, id)
          const item = (await store.itemsOf(tx, workspace, 'registeredModel', [model.name])).get(model.name)
          const before = item && !item.joined ? item.digest : null
          const outcome = await registry.putModel(tx, actor, model, before)
          if (outcome.outcome === 'skipped') return outcome
          const joined = item ? item.joined : outcome.outcome !== 'imported'
          const checked = joined || (item?.digest === model.digest && item.checked)
          const marks = { id: model.name, as: model.name, stamp: model.stamp, digest: model.digest }
          await store.putItems(tx, workspace, id, 'registeredModel', [{ ...marks, joined, checked }])
          const made = outcome.versions.filter((version) => version.outcome === 'imported')
          if (made.length > 0) {
            const versions = made.map((version) => Number(version.id.slice(version.id.lastIndexOf('/') + 1)))
            await events.append(tx, actor, versionsImported, { import: id, model: model.name, versions })
          }
          return outcome
        })
        outcomes.push(told)
      }
      return outcomes
    },

    /** Reads things back from the tables. What has the digest that its source had counts as good from then on. */
    async check(actor: Actor, id: string, kind: ImportKind, ids: readonly string[]) {
      actor.require('experiments.write', id)
      const { workspace } = actor
      const items = await store.itemsOf(db, workspace, kind, ids)
      const digests = await digestsOf(db, workspace, kind, [...items.values()])
      await store.markChecked(db, workspace, kind, digests)
      return ids.map((asked) => ({ id: asked, digest: digests.get(asked) ?? null }))
    },

    async finish(actor: Actor, id: string, counts: readonly ImportCount[]): Promise<ImportRow> {
      actor.require('experiments.write', id)
      return inTransaction(db, async (tx) => {
        const found = await running(tx, actor.workspace, id)
        const now = clock.now()
        if (!(await store.finish(tx, actor.workspace, id, counts, now))) throw ImportFinished(id)
        const summary = counts.map(
          ({ kind, source, imported, skipped, mismatched }) =>
            [kind, { source, imported, skipped, mismatched }] as const,
        )
        const payload = { import: id, source: found.source, counts: Object.fromEntries(summary) }
        await events.append(tx, actor, importFinished, payload)
        return { ...found, state: 'finished', finishedAt: now, counts }
      })
    },
  }
}

export type ImportService = ReturnType<typeof createImportService>

function itemOf(given: { id: string; stamp: string; digest: string }, before: Item | undefined): Item {
  const { id, stamp, digest } = given
  if (before?.digest === digest) return { ...before, stamp }
  return { id, as: id, stamp, digest, joined: wasGood(before), checked: false }
}

/** Whether it stood here once as its source had it, so that what differs now was changed since. */
function wasGood(item: Item | undefined): boolean {
  return item !== undefined && (item.checked || item.joined)
}

/** Whether it came in with this content before. What was written and never read back is written again. */
function isSame(item: Item, given: { digest: string }): boolean {
  return item.digest === given.digest && wasGood(item)
}

function elsewhere(artifacts: ImportedRun['artifacts']): string | null {
  return artifacts.kind === 'elsewhere' ? artifacts.uri : null
}

function runOf(given: ImportedRun, experiment: number): GivenRun {
  const { artifacts, stamp: _stamp, digest: _digest, metrics, ...run } = given
  return {
    ...run,
    experiment,
    artifactsElsewhere: elsewhere(artifacts),
    metrics: metrics.map((series) => ({ ...series, value: series.value.map((value) => value ?? Number.NaN) })),
  }
}

function loggedModelOf(given: ImportedLoggedModel, experiment: number): GivenLoggedModel {
  const { artifacts, stamp: _stamp, digest: _digest, metrics, ...model } = given
  return {
    ...model,
    experiment,
    artifactsElsewhere: elsewhere(artifacts),
    metrics: metrics.map((metric) => ({ ...metric, value: metric.value ?? Number.NaN })),
  }
}
