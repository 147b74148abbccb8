import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Evidence, type ReplayReport, replayFailed, replayFinished } from '@tidemark/contracts'
import { BatchProcessFailed, chunksIn, type RunProgram, type Trade } from '../batch/index.ts'
import { Analytics } from '../data/index.ts'
import { Actor, inTransaction, type Platform, systemActor } from '../platform/index.ts'
import { compare } from './compare.ts'
import { NOTHING, reportOf } from './decide.ts'
import * as store from './store.ts'
import type { ReplayPorts, StoredReplay } from './types.ts'

/** For the comparison, in the server's own process. */
const MEMORY_MEGABYTES = 192

/** How a replay is carried out. */
export class ReplayRunner implements Trade<StoredReplay> {
  readonly program = 'replay'
  readonly called = 'a replay'
  readonly takeNext = store.takeNext
  readonly saveProgress = store.saveProgress
  private readonly platform: Platform
  private readonly ports: ReplayPorts
  private readonly analytics: Analytics

  constructor(platform: Platform, ports: ReplayPorts) {
    this.platform = platform
    this.ports = ports
    this.analytics = new Analytics(join(platform.config.dataDir, 'data-work', 'replay'), MEMORY_MEGABYTES)
  }

  close(): Promise<void> {
    return this.analytics.close()
  }

  async carryOut(replay: StoredReplay, folder: string, run: RunProgram): Promise<void> {
    const { db, config } = this.platform
    const { workspace, model, version } = replay
    const takes = await this.ports.input(db, workspace, model, version)
    const runtime = await this.ports.runtime(db, workspace, model, version)
    const endpoint = await this.ports.endpoint(db, workspace, replay.endpoint)
    if (!takes || !runtime) throw new BatchProcessFailed(`${model}/${version} is no longer in the registry`, true)
    if (!endpoint) throw new BatchProcessFailed(`endpoint ${replay.endpoint} is gone`, true)
    await mkdir(folder, { recursive: true, mode: 0o711 })
    const input = await this.input(replay, folder)
    const job = join(folder, 'job.json')
    const chunks = join(folder, 'chunks')
    const content = {
      variant: { version: `${model}/${version}`, runtime, workers: endpoint.policy.workers },
      columns: takes.columns,
      input: takes.input,
      file: input,
      chunks,
      blobs: join(config.dataDir, 'blobs'),
      work: join(folder, 'work'),
    }
    await writeFile(job, JSON.stringify(content), { mode: 0o600 })
    if (!(await run(job))) return
    const files = await chunksIn(chunks)
    const { terms } = replay
    const labels = (things: readonly string[]) => this.ports.log.labels(db, workspace, replay.endpoint, things)
    const { facts, flips } =
      files.length === 0
        ? { facts: NOTHING, flips: [] }
        : await compare(this.analytics, { input, chunks: files, folder, terms, labels })
    await this.keep(replay, reportOf(facts, terms), flips)
    await rm(folder, { recursive: true, force: true })
  }

  /** The rows to ask again, as a file that is whole when its name appears: a start after a kill asks the very same. */
  private async input({ workspace, endpoint, from, to }: StoredReplay, folder: string): Promise<string> {
    const path = join(folder, 'input.parquet')
    if (await stat(path).catch(() => null)) return path
    const made = `${path}.part`
    await this.ports.log.writeAnswers(this.platform.db, workspace, endpoint, from, to, made)
    await rename(made, path)
    return path
  }

  private async keep(replay: StoredReplay, report: ReplayReport, flips: Parameters<typeof store.saveFlips>[2]) {
    const { db, events, clock, live } = this.platform
    const { workspace, id, endpoint, model, version, actorKind, actorId } = replay
    const finishedAt = clock.now()
    const by = new Actor({ kind: actorKind, id: actorId, workspace, permissions: ['evaluation.write'] })
    await inTransaction(db, async (tx) => {
      if (!(await store.saveEnd(tx, replay, { state: 'done', report, finishedAt }))) return
      await store.saveFlips(tx, replay, flips)
      await events.append(tx, by, replayFinished, {
        replay: id,
        endpoint,
        modelVersion: `${model}/${version}`,
        summary: report.summary,
        evidence: evidenceOf(report),
        seconds: (finishedAt.getTime() - (replay.startedAt ?? finishedAt).getTime()) / 1000,
      })
    })
    live.changed('replay', id)
  }

  async isOpen({ workspace, id }: StoredReplay): Promise<boolean> {
    return (await store.replayById(this.platform.db, workspace, id))?.finishedAt === null
  }

  async saveFailure(replay: StoredReplay, reason: string): Promise<void> {
    const { db, events, clock, live } = this.platform
    const { workspace, id, endpoint, model, version } = replay
    await inTransaction(db, async (tx) => {
      if (!(await store.saveEnd(tx, replay, { state: 'failed', problem: reason, finishedAt: clock.now() }))) return
      const modelVersion = `${model}/${version}`
      await events.append(tx, systemActor('replays', workspace), replayFailed, {
        replay: id,
        endpoint,
        modelVersion,
        reason,
      })
    })
    live.changed('replay', id)
  }
}

/** The report's first numbers, flat, as events and gates carry them. */
export function evidenceOf({ logged, answers, disagreement, slices, lift }: ReplayReport): Evidence {
  return {
    requests: logged.requests,
    rows: logged.rows,
    compared: answers.rows,
    equal: answers.equal,
    noAnswer: answers.failed + answers.refused,
    flips: disagreement.rows,
    things: disagreement.things,
    disagreement: disagreement.share,
    slicesApart: slices.all.filter(({ verdict }) => verdict === 'apart').length,
    slicesWorse: slices.all.filter(({ verdict }) => verdict === 'worse').length,
    lift: lift?.lift ?? null,
    liftLower: lift?.lower ?? null,
    liftUpper: lift?.upper ?? null,
  }
}
