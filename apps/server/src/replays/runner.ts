import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Evidence, type ReplayReport, replayFailed, replayFinished } from '@tidemark/contracts'
import { BatchProcess, BatchProcessFailed } from '../batch/index.ts'
import { Analytics } from '../data/index.ts'
import { Actor, inTransaction, isConnectionLoss, type Platform, systemActor } from '../platform/index.ts'
import { compare } from './compare.ts'
import { NOTHING, reportOf } from './decide.ts'
import * as store from './store.ts'
import type { ReplayPorts, StoredReplay } from './types.ts'

/** For the comparison, in the server's own process. */
const MEMORY_MEGABYTES = 192
const LOOK_MILLISECONDS = 1_000
/** After so many starts its process, or the server with it, is given up. */
const MOST_STARTS = 5

/** Carries replays out, one after the other. What a killed server left goes on behind the chunks that were done. */
export class ReplayRunner {
  private readonly platform: Platform
  private readonly ports: ReplayPorts
  private readonly folder: string
  private readonly analytics: Analytics
  private running: Promise<void> | undefined
  private current: { readonly id: string; readonly process: BatchProcess } | undefined
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  constructor(platform: Platform, ports: ReplayPorts) {
    this.platform = platform
    this.ports = ports
    this.folder = platform.python.workFolder('replay')
    this.analytics = new Analytics(join(platform.config.dataDir, 'data-work', 'replay'), MEMORY_MEGABYTES)
  }

  start(): void {
    this.timer = setInterval(() => this.soon(), LOOK_MILLISECONDS)
  }

  async stop(): Promise<void> {
    this.stopped = true
    clearInterval(this.timer)
    this.current?.process.kill()
    await this.running
    await this.analytics.close()
  }

  /** Ends the process of one, where it is the one that runs. */
  kill(id: string): void {
    if (this.current?.id === id) this.current.process.kill()
  }

  /** Its process, where one runs. */
  get pid(): number | undefined {
    return this.current?.process.pid
  }

  /** Looks now whether one waits. */
  soon(): void {
    if (this.stopped) return
    this.running ??= this.all()
      .catch((error: unknown) => this.platform.log.warn({ err: error }, 'replays pause'))
      .finally(() => {
        this.running = undefined
      })
  }

  private async all(): Promise<void> {
    while (!this.stopped) {
      const replay = await store.takeNext(this.platform.db, this.platform.clock.now())
      if (!replay) return
      try {
        if (replay.starts > MOST_STARTS)
          throw new BatchProcessFailed(`it was begun ${MOST_STARTS} times and never came to an end`, true)
        await this.run(replay)
      } catch (error) {
        if (this.stopped || isConnectionLoss(error)) throw error
        await this.failed(replay, error)
      }
    }
  }

  private async run(replay: StoredReplay): Promise<void> {
    const { db, config } = this.platform
    const { workspace, model, version } = replay
    const takes = await this.ports.input(db, workspace, model, version)
    const runtime = await this.ports.runtime(db, workspace, model, version)
    const endpoint = await this.ports.endpoint(db, workspace, replay.endpoint)
    if (!takes || !runtime) throw new BatchProcessFailed(`${model}/${version} is no longer in the registry`, true)
    if (!endpoint) throw new BatchProcessFailed(`endpoint ${replay.endpoint} is gone`, true)
    const folder = join(this.folder, replay.id)
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
    if (this.stopped) return
    await this.ask(replay, job)
    const files = (await readdir(chunks))
      .filter((name) => name.endsWith('.parquet'))
      .sort()
      .map((name) => join(chunks, name))
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

  private async ask(replay: StoredReplay, job: string): Promise<void> {
    let saved: Promise<unknown> = Promise.resolve()
    const process = new BatchProcess(
      job,
      (told) => {
        saved = saved
          .then(() => store.saveProgress(this.platform.db, replay, told.rows, told.rowsDone))
          .then((runs) => runs || process.kill())
          .catch(() => {})
      },
      'replay',
    )
    this.current = { id: replay.id, process }
    try {
      await process.ended
      await saved
    } finally {
      this.current = undefined
    }
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

  private async failed(replay: StoredReplay, error: unknown): Promise<void> {
    const { db, events, clock, log, live } = this.platform
    const { workspace, id, endpoint, model, version } = replay
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 1000)
    const open = (await store.replayById(db, workspace, id))?.finishedAt === null
    if (open && error instanceof BatchProcessFailed && !error.final) {
      log.warn({ replay: id, reason }, 'a replay stopped, it goes on')
      return
    }
    // Else it was cancelled, which is why its process ended.
    if (open) {
      log.warn({ replay: id, reason }, 'a replay failed')
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
    await rm(join(this.folder, id), { recursive: true, force: true })
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
