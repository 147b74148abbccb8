import { type PurgeReport, purgedForGood } from '@tidemark/contracts'
import type { Experiments } from '../experiments/index.ts'
import { type Actor, inTransaction, type Platform, type Queryable, type Tx } from '../platform/index.ts'
import type { RegistryModule } from '../registry/index.ts'

type Deletion = Experiments['deletion']
type DoomedRun = Awaited<ReturnType<Deletion['dueRuns']>>[number]
type Doomed = Awaited<ReturnType<Deletion['dueLoggedModels']>>[number]
type Origin = Awaited<ReturnType<RegistryModule['deletion']['versionsFrom']>>[number]

/** What permanent deletion asks of other modules. */
export interface PurgePorts {
  readonly experiments: Deletion
  readonly registry: RegistryModule['deletion']
  /** Versions that some endpoint serves or tries: their files are still needed. */
  served(db: Queryable, workspace: string): Promise<readonly { model: string; version: number }[]>
}

/** Deleted in one transaction: a run may have thousands of rows, and locks are to be held for less than a second. */
const BATCH = 200
const MOST_KEPT = 100

export type Tally = { -readonly [K in keyof PurgeReport]: PurgeReport[K] }
type Kind = 'experiment' | 'run' | 'logged_model' | 'model_version' | 'registered_model'

/** Which things a deletion is about. */
export interface Asked {
  readonly untilMs: number
  readonly experiment: number | null
}

/** `all`: whatever an experiment holds that was deleted itself. */
type AskedOfExperiment = Asked & { readonly all: boolean }
type Question = [actor: Actor, asked: AskedOfExperiment, deadline: number, tally: Tally]

/** One kind of what an experiment holds: how it is found from a place on, which versions come from it, how it goes. */
interface Content<T extends { readonly id: string }, Place> {
  readonly kind: 'run' | 'logged_model'
  readonly first: Place
  due(tx: Tx, workspace: string, asked: AskedOfExperiment, after: Place, most: number): Promise<readonly T[]>
  placeOf(last: T): Place
  held(tx: Tx, workspace: string, ids: readonly string[]): Promise<Map<string, Origin[]>>
  drop(tx: Tx, workspace: string, free: readonly T[]): Promise<{ readonly files: number; readonly bytes: number }>
}

/** The steps of permanent deletion, each a series of short transactions with their events. */
export function createPurge(platform: Platform, ports: PurgePorts) {
  const { db, events } = platform
  const { experiments, registry } = ports
  // What an experiment keeps is met again among the runs.
  const seen = new WeakMap<Tally, Set<string>>()

  async function tell(
    tx: Tx,
    actor: Actor,
    kind: Kind,
    ids: readonly string[],
    tally: Tally,
    taken = NOTHING,
  ): Promise<void> {
    if (ids.length === 0) return
    tally[COUNTED[kind]] += ids.length
    tally.files += taken.files
    tally.bytes += taken.bytes
    await events.append(tx, actor, purgedForGood, { kind, ids: [...ids], ...taken })
  }

  /** Versions by what they hold: a run also through the logged models that came from it. */
  async function holders(
    tx: Queryable,
    workspace: string,
    runs: readonly string[],
    models: readonly string[],
  ): Promise<{ runs: Map<string, Origin[]>; models: Map<string, Origin[]> }> {
    const derived = await experiments.modelsOfRuns(tx, workspace, runs)
    const versions = await registry.versionsFrom(tx, workspace, {
      runs,
      models: [...models, ...derived.map(({ id }) => id)],
    })
    const byModel = grouped(versions, ({ loggedModel }) => loggedModel)
    const byRun = grouped(versions, ({ run }) => run)
    for (const { id, run } of derived) {
      const through = byModel.get(id)
      if (through) byRun.set(run, [...new Set([...(byRun.get(run) ?? []), ...through])])
    }
    return { runs: byRun, models: byModel }
  }

  /** Locks an experiment; false when somebody has brought it back, or it is gone. */
  async function isDeleted(tx: Tx, workspace: string, experiment: number | null): Promise<boolean> {
    if (experiment === null) return false
    return (await experiments.lockExperiment(tx, workspace, experiment))?.lifecycle === 'deleted'
  }

  function keep(tally: Tally, kind: 'run' | 'loggedModel', id: string, versions: readonly Origin[]): void {
    const known = seen.get(tally) ?? new Set()
    seen.set(tally, known)
    if (known.has(id)) return
    known.add(id)
    tally.keptCount += 1
    if (tally.kept.length < MOST_KEPT) tally.kept.push({ kind, id, versions: versions.map(nameOf) })
  }

  /** Deletes batch after batch until none is left or the time is over. */
  async function inBatches<Place>(
    first: Place,
    deadline: number,
    tally: Tally,
    work: (after: Place) => Promise<Place | null>,
  ) {
    for (let after: Place | null = first; after !== null; ) {
      if (Date.now() > deadline) {
        tally.complete = false
        return
      }
      after = await work(after)
    }
  }

  const RUNS: Content<DoomedRun, number> = {
    kind: 'run',
    first: 0,
    due: (...question) => experiments.dueRuns(...question),
    placeOf: ({ no }) => no,
    held: async (tx, workspace, ids) => (await holders(tx, workspace, ids, [])).runs,
    drop: (...question) => experiments.dropRuns(...question),
  }
  const LOGGED_MODELS: Content<Doomed, string> = {
    kind: 'logged_model',
    first: '',
    due: (...question) => experiments.dueLoggedModels(...question),
    placeOf: ({ id }) => id,
    held: async (tx, workspace, ids) => (await holders(tx, workspace, [], ids)).models,
    drop: (...question) => experiments.dropLoggedModels(...question),
  }

  /** What is due of one kind, but for what a version comes from. */
  function contents<T extends { readonly id: string }, Place>(
    content: Content<T, Place>,
    actor: Actor,
    asked: AskedOfExperiment,
    deadline: number,
    tally: Tally,
  ): Promise<void> {
    return inBatches(content.first, deadline, tally, (after) =>
      inTransaction(db, async (tx) => {
        if (asked.all && !(await isDeleted(tx, actor.workspace, asked.experiment))) return null
        const due = await content.due(tx, actor.workspace, asked, after, BATCH)
        const last = due.at(-1)
        if (!last) return null
        const ids = due.map(({ id }) => id)
        const held = await content.held(tx, actor.workspace, ids)
        for (const id of ids) {
          const versions = held.get(id)
          if (versions) keep(tally, KEPT[content.kind], id, versions)
        }
        const free = due.filter(({ id }) => !held.has(id))
        await drop(content, tx, actor, free, tally)
        return content.placeOf(last)
      }),
    )
  }

  async function drop<T extends { readonly id: string }>(
    { kind, drop: take }: Pick<Content<T, never>, 'kind' | 'drop'>,
    tx: Tx,
    actor: Actor,
    free: readonly T[],
    tally: Tally,
  ): Promise<void> {
    if (free.length === 0) return
    const taken = await take(tx, actor.workspace, free)
    const ids = free.map(({ id }) => id)
    await tell(tx, actor, kind, ids, tally, taken)
  }

  /** Everything in an experiment, then itself, when no version comes from it. */
  async function experiment(actor: Actor, id: number, deadline: number, tally: Tally): Promise<void> {
    const asked = { untilMs: 0, experiment: id, all: true }
    await contents(RUNS, actor, asked, deadline, tally)
    await contents(LOGGED_MODELS, actor, asked, deadline, tally)
    if (!tally.complete) return
    await inTransaction(db, async (tx) => {
      if (!(await isDeleted(tx, actor.workspace, id))) return
      const taken = await experiments.dropExperiment(tx, actor.workspace, id)
      if (taken) await tell(tx, actor, 'experiment', [String(id)], tally, taken)
    })
  }

  /** Deleted versions that nothing serves, then deleted models without a version. */
  async function versions(actor: Actor, untilMs: number, deadline: number, tally: Tally): Promise<void> {
    await inBatches(0, deadline, tally, (round) =>
      inTransaction(db, async (tx) => {
        const served = await ports.served(tx, actor.workspace)
        const due = await registry.dueVersions(tx, actor.workspace, untilMs, served, BATCH)
        if (due.length === 0) return null
        await experiments.thaw(tx, actor.workspace, await registry.dropVersions(tx, actor.workspace, due))
        await tell(tx, actor, 'model_version', due.map(nameOf), tally)
        return round + 1
      }),
    )
    if (!tally.complete) return
    await inTransaction(db, async (tx) => {
      await tell(tx, actor, 'registered_model', await registry.emptyModels(tx, actor.workspace, untilMs), tally)
    })
  }

  return {
    runs: (...question: Question) => contents(RUNS, ...question),
    dropRuns: (tx: Tx, actor: Actor, free: readonly DoomedRun[], tally: Tally) => drop(RUNS, tx, actor, free, tally),
    loggedModels: (...question: Question) => contents(LOGGED_MODELS, ...question),
    experiment,
    versions,
    holders,
  }
}

const NOTHING = { files: 0, bytes: 0 }
const COUNTED = {
  experiment: 'experiments',
  run: 'runs',
  logged_model: 'loggedModels',
  model_version: 'versions',
  registered_model: 'models',
} as const satisfies Record<Kind, keyof PurgeReport>

/** As reports name them. */
const KEPT = { run: 'run', logged_model: 'loggedModel' } as const

export function nameOf({ model, version }: { readonly model: string; readonly version: number }): string {
  return `${model}/${version}`
}

function grouped(versions: readonly Origin[], key: (version: Origin) => string): Map<string, Origin[]> {
  const groups = new Map<string, Origin[]>()
  for (const version of versions) {
    if (key(version) === '') continue
    groups.set(key(version), [...(groups.get(key(version)) ?? []), version])
  }
  return groups
}
