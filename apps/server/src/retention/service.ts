import { type PurgeReport, type RetentionPolicy, retentionPolicySet, type SweepReport } from '@tidemark/contracts'
import {
  type Actor,
  inTransaction,
  NotFound,
  type Platform,
  type SweepOptions,
  systemActor,
} from '../platform/index.ts'
import { cutoff, isDue } from './decide.ts'
import { DefaultExperiment, NotDeleted, VersionsComeFrom } from './errors.ts'
import { createPurge, nameOf, type PurgePorts, type Tally } from './purge.ts'
import * as store from './store.ts'

export interface RetentionPorts extends PurgePorts {
  sweepBlobs(actor: Actor, options: SweepOptions): Promise<SweepReport>
}

/** A request ends before a proxy or a client loses patience; the rest is for the next one. */
const LONGEST_MS = 60_000
const GRACE_SECONDS = 3600
const MOST_NAMED = 20

/** Deletion for good: of one thing by hand, of all that was deleted long enough ago, and daily by a policy. */
export function createService(platform: Platform, ports: RetentionPorts) {
  const { db, clock, events, log } = platform
  const purging = createPurge(platform, ports)
  const { experiments, registry } = ports

  async function wouldPurge(actor: Actor, asked: { untilMs: number; experiment: number | null }): Promise<Tally> {
    const { workspace } = actor
    const held = await registry.heldSources(db, workspace)
    const due = await experiments.countDue(db, workspace, asked, held)
    const inRegistry =
      asked.experiment === null ? await registry.countDue(db, workspace, asked.untilMs) : { versions: 0, models: 0 }
    const kept = await experiments.heldAmong(db, workspace, { ...asked, all: false }, held, 101)
    const holders = await purging.holders(
      db,
      workspace,
      kept.filter(({ kind }) => kind === 'run').map(({ id }) => id),
      kept.filter(({ kind }) => kind === 'loggedModel').map(({ id }) => id),
    )
    const named = kept.map(({ kind, id }) => {
      const versions = kind === 'run' ? holders.runs.get(id) : holders.models.get(id)
      return { kind, id, versions: (versions ?? []).map(nameOf) }
    })
    return {
      ...emptyTally(true, asked.untilMs),
      ...due,
      ...inRegistry,
      keptCount: kept.length,
      kept: named.slice(0, 100),
    }
  }

  async function purge(
    actor: Actor,
    asked: { olderThanDays: number; dryRun: boolean; experiment: number | null },
  ): Promise<PurgeReport> {
    const untilMs = cutoff(asked.olderThanDays, clock.now()).getTime()
    const which = { untilMs, experiment: asked.experiment }
    if (asked.dryRun) return wouldPurge(actor, which)
    const tally = emptyTally(false, untilMs)
    const deadline = Date.now() + LONGEST_MS
    for (const id of await experiments.dueExperiments(db, actor.workspace, which)) {
      await purging.experiment(actor, id, deadline, tally)
    }
    const single = { ...which, all: false }
    await purging.runs(actor, single, deadline, tally)
    await purging.loggedModels(actor, single, deadline, tally)
    if (asked.experiment === null) await purging.versions(actor, untilMs, deadline, tally)
    if (tally.complete) {
      const sweeper = systemActor('retention', actor.workspace)
      tally.sweep = await ports.sweepBlobs(sweeper, { dryRun: false, graceSeconds: GRACE_SECONDS })
    }
    return tally
  }

  async function policyOf(workspace: string): Promise<RetentionPolicy> {
    const policy = await store.policyOf(db, workspace)
    return { olderThanDays: policy?.olderThanDays ?? null, lastRunAt: policy?.lastRunAt?.toISOString() ?? null }
  }

  return {
    /** Deletes for good what was deleted before a number of days, as far as the time of a request allows. */
    async purge(
      actor: Actor,
      asked: { olderThanDays: number; dryRun: boolean; experiment: number | null },
    ): Promise<PurgeReport> {
      actor.require('experiments.delete')
      if (asked.experiment === null) actor.require('registry.delete')
      return purge(actor, asked)
    },

    async getPolicy(actor: Actor): Promise<RetentionPolicy> {
      actor.require('experiments.read')
      return policyOf(actor.workspace)
    },

    async setPolicy(actor: Actor, olderThanDays: number | null): Promise<RetentionPolicy> {
      actor.require('experiments.delete')
      actor.require('registry.delete')
      await inTransaction(db, async (tx) => {
        await store.setPolicy(tx, actor.workspace, olderThanDays)
        await events.append(tx, actor, retentionPolicySet, { olderThanDays })
      })
      return policyOf(actor.workspace)
    },

    /** Deletes a run for good. @throws NotFound, NotDeleted, VersionsComeFrom */
    async deleteRun(actor: Actor, id: string): Promise<{ runs: number; files: number; bytes: number }> {
      actor.require('experiments.delete', id)
      const tally = emptyTally(false, 0)
      await inTransaction(db, async (tx) => {
        const run = await experiments.lockRun(tx, actor.workspace, id)
        if (!run) throw NotFound(`run ${id}`)
        if (run.lifecycle !== 'deleted') throw NotDeleted(`run ${id}`)
        const { runs } = await purging.holders(tx, actor.workspace, [id], [])
        const versions = runs.get(id)
        if (versions) throw VersionsComeFrom(`run ${id}`, versions.map(nameOf).join(', '))
        await purging.dropRuns(tx, actor, [run], tally)
      })
      return { runs: tally.runs, files: tally.files, bytes: tally.bytes }
    },

    /** Deletes an experiment with all its runs for good. @throws NotFound, NotDeleted, DefaultExperiment, VersionsComeFrom */
    async deleteExperiment(actor: Actor, id: number): Promise<{ runs: number; files: number; bytes: number }> {
      actor.require('experiments.delete', String(id))
      const { workspace } = actor
      await inTransaction(db, async (tx) => {
        const found = await experiments.lockExperiment(tx, workspace, id)
        if (!found) throw NotFound(`experiment ${id}`)
        if (id === 0) throw DefaultExperiment()
        if (found.lifecycle !== 'deleted') throw NotDeleted(`experiment ${id}`)
        const held = await registry.heldSources(tx, workspace)
        const which = { untilMs: 0, experiment: id, all: true }
        const kept = await experiments.heldAmong(tx, workspace, which, held, MOST_NAMED)
        if (kept.length === 0) return
        const ids = (wanted: string) => kept.filter(({ kind }) => kind === wanted).map((each) => each.id)
        const holders = await purging.holders(tx, workspace, ids('run'), ids('loggedModel'))
        const versions = [...holders.runs.values(), ...holders.models.values()].flat().map(nameOf)
        throw VersionsComeFrom(`experiment ${id}`, [...new Set(versions)].join(', '))
      })
      const tally = emptyTally(false, 0)
      await purging.experiment(actor, id, Number.POSITIVE_INFINITY, tally)
      return { runs: tally.runs, files: tally.files, bytes: tally.bytes }
    },

    /** Does what the policies of all workspaces ask for, once a day each; `stopping` ends it between two requests' worth of work. */
    async runDue(stopping?: AbortSignal): Promise<void> {
      for (const policy of await store.policies(db)) {
        if (stopping?.aborted || !isDue(policy.lastRunAt, clock.now())) continue
        const actor = systemActor('retention', policy.workspace)
        const asked = { olderThanDays: policy.olderThanDays, dryRun: false, experiment: null }
        for (let complete = false; !complete && !stopping?.aborted; ) {
          const report = await purge(actor, asked)
          complete = report.complete
          log.info({ workspace: policy.workspace, ...report, kept: report.keptCount }, 'retention')
        }
        if (!stopping?.aborted) await store.noteRun(db, policy.workspace, clock.now())
      }
    },
  }
}

function emptyTally(dryRun: boolean, untilMs: number): Tally {
  return {
    dryRun,
    until: new Date(untilMs).toISOString(),
    complete: true,
    experiments: 0,
    runs: 0,
    loggedModels: 0,
    versions: 0,
    models: 0,
    files: 0,
    bytes: 0,
    keptCount: 0,
    kept: [],
    sweep: null,
  }
}
