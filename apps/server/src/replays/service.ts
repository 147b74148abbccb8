import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ReplayBudget,
  type ReplayReport,
  type ReplayRequest,
  type ReplayView,
  replayCancelled,
  uuidv7,
} from '@tidemark/contracts'
import { VersionNotPrepared, WorkLine } from '../batch/index.ts'
import { type Actor, inTransaction, type Platform, type Tx } from '../platform/index.ts'
import {
  ReplayColumnsHidden,
  ReplayEnded,
  ReplayEndpointUnknown,
  ReplayNotFound,
  ReplayRangeEmpty,
  ReplayVersionUnknown,
} from './errors.ts'
import { ReplayRunner } from './runner.ts'
import * as store from './store.ts'
import type { Flip, ReplayPorts, StoredReplay } from './types.ts'

const DAY_MILLISECONDS = 86_400_000
const WAIT_MILLISECONDS = 250

/** Replays as people and gates ask for them; a runner carries them out. */
export class Replays {
  private readonly platform: Platform
  private readonly ports: ReplayPorts
  private readonly runner: ReplayRunner
  readonly line: WorkLine<StoredReplay>
  private readonly stopping = new AbortController()

  constructor(platform: Platform, ports: ReplayPorts) {
    this.platform = platform
    this.ports = ports
    this.runner = new ReplayRunner(platform, ports)
    this.line = new WorkLine(platform, this.runner)
  }

  start(): void {
    this.line.start()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.line.stop()
    await this.runner.close()
  }

  unfinished(): Promise<number> {
    return store.unfinished(this.platform.db)
  }

  /** Asks for a replay; what can be known to be wrong is said now. */
  request(actor: Actor, endpoint: string, asked: ReplayRequest): Promise<StoredReplay> {
    return this.insert(actor, endpoint, asked, null, null)
  }

  /**
   * What came of the replay that an evaluation's gate asks for, once however often it is asked; waits for its end.
   * @throws TidemarkError when there can be none, Error when the server stops
   */
  async forGate(
    actor: Actor,
    asked: {
      readonly endpoint: string
      readonly version: number
      readonly evaluation: string
      readonly budget: ReplayBudget
    },
  ): Promise<{ readonly id: string; readonly report: ReplayReport } | { readonly problem: string }> {
    const { db } = this.platform
    const { endpoint, version, evaluation, budget } = asked
    let replay = await store.replayOfEvaluation(db, actor.workspace, evaluation)
    if (!replay) {
      const latest = await this.ports.log.eventTime(db, actor.workspace, endpoint)
      const to = latest ? new Date(latest.getTime() + 1) : this.platform.clock.now()
      const from = new Date(to.getTime() - budget.days * DAY_MILLISECONDS)
      const range = { from: from.toISOString(), to: to.toISOString() }
      replay = await this.insert(actor, endpoint, { version, ...range }, evaluation, budget)
    }
    while (replay.finishedAt === null) {
      await sleep(WAIT_MILLISECONDS, undefined, { signal: this.stopping.signal })
      replay = await this.stored(actor.workspace, replay.id)
    }
    const { id, report, problem, state } = replay
    return report ? { id, report } : { problem: problem ?? `the replay was ${state}` }
  }

  byId(workspace: string, id: string): Promise<StoredReplay> {
    return this.stored(workspace, id)
  }

  list(workspace: string, question: store.ReplayQuestion): Promise<StoredReplay[]> {
    return store.replaysOf(this.platform.db, workspace, question)
  }

  async flips(workspace: string, id: string, limit: number): Promise<Flip[]> {
    await this.stored(workspace, id)
    return store.flipsOf(this.platform.db, workspace, id, limit)
  }

  async cancel(actor: Actor, id: string): Promise<StoredReplay> {
    const replay = await this.stored(actor.workspace, id)
    actor.require('evaluation.write', replay.endpoint)
    const { db, clock, events, live } = this.platform
    const { endpoint, model, version } = replay
    await inTransaction(db, async (tx) => {
      if (!(await store.saveEnd(tx, replay, { state: 'cancelled', finishedAt: clock.now() })))
        throw ReplayEnded(id, (await store.replayById(tx, actor.workspace, id))?.state ?? replay.state)
      await events.append(tx, actor, replayCancelled, { replay: id, endpoint, modelVersion: `${model}/${version}` })
    })
    live.changed('replay', id)
    this.line.kill(id)
    return this.stored(actor.workspace, id)
  }

  /** Erases what a subject's requests may have left in stored replays; their numbers stay, which name nobody. */
  async erase(
    tx: Tx,
    { workspace, endpoint }: { readonly workspace: string; readonly endpoint: string | null },
  ): Promise<Record<string, number>> {
    return { replayProblems: await store.eraseProblems(tx, workspace, endpoint) }
  }

  private async insert(
    actor: Actor,
    endpoint: string,
    asked: ReplayRequest,
    evaluation: string | null,
    budget: ReplayBudget | null,
  ): Promise<StoredReplay> {
    actor.require('evaluation.write', endpoint)
    const { db, clock } = this.platform
    const { workspace } = actor
    const { version } = asked
    const found = await this.ports.endpoint(db, workspace, endpoint)
    if (!found) throw ReplayEndpointUnknown(endpoint)
    const { model, policy } = found
    const takes = await this.ports.input(db, workspace, model, version)
    if (!takes) throw ReplayVersionUnknown(model, version)
    if (!(await this.ports.runtime(db, workspace, model, version))) throw VersionNotPrepared(`${model}/${version}`)
    const hidden = Object.keys(policy.logging.sensitive)
    const needed =
      takes.input.kind === 'tensors'
        ? takes.input.tensors.map(({ name }) => name)
        : takes.columns.map(({ name }) => name)
    const lost = hidden.filter((column) => takes.input.kind === 'any' || needed.includes(column))
    if (lost.length > 0) throw ReplayColumnsHidden(endpoint, `${model}/${version}`, lost)
    const from = asked.from === undefined ? null : new Date(asked.from)
    const to = asked.to === undefined ? await this.untilNow(workspace, endpoint) : new Date(asked.to)
    if (from !== null && from >= to) throw ReplayRangeEmpty(from.toISOString(), to.toISOString())
    const { gates } = policy
    const limits = budget ?? gates.replay
    const replay: StoredReplay = {
      workspace,
      id: uuidv7(),
      endpoint,
      model,
      version,
      from,
      to,
      terms: {
        tolerance: asked.tolerance ?? limits?.tolerance ?? 0,
        slices: asked.slices ?? gates.slices.columns,
        hidden,
        alpha: gates.alpha,
        margin: (limits?.sliceMarginPercent ?? 5) / 100,
        lossMargin: gates.slices.margin,
        minThings: gates.slices.minRows,
        loss: gates.loss,
      },
      state: 'waiting',
      problem: null,
      rows: null,
      rowsDone: 0,
      evaluation,
      report: null,
      actorKind: actor.kind,
      actorId: actor.id,
      requestedAt: clock.now(),
      startedAt: null,
      finishedAt: null,
    }
    const inserted = await inTransaction(db, (tx) => store.insertReplay(tx, replay))
    this.line.soon()
    const earlier = inserted || evaluation === null ? null : await store.replayOfEvaluation(db, workspace, evaluation)
    return earlier ?? replay
  }

  /** After all that was logged so far: endpoints in replay mode have a clock of their own. */
  private async untilNow(workspace: string, endpoint: string): Promise<Date> {
    const now = this.platform.clock.now()
    const latest = await this.ports.log.eventTime(this.platform.db, workspace, endpoint)
    return new Date(Math.max(now.getTime(), (latest?.getTime() ?? 0) + 1))
  }

  private async stored(workspace: string, id: string): Promise<StoredReplay> {
    const replay = await store.replayById(this.platform.db, workspace, id)
    if (!replay) throw ReplayNotFound(id)
    return replay
  }
}

/** A replay as the API shows it. */
export function viewOf(replay: StoredReplay): ReplayView {
  const { id, endpoint, model, version, from, to, state, problem, rows, rowsDone, evaluation, report } = replay
  return {
    id,
    endpoint,
    model,
    version,
    from: from?.toISOString() ?? null,
    to: to.toISOString(),
    state,
    problem,
    rows,
    rowsDone,
    evaluation,
    report,
    requestedAt: replay.requestedAt.toISOString(),
    startedAt: replay.startedAt?.toISOString() ?? null,
    finishedAt: replay.finishedAt?.toISOString() ?? null,
  }
}
