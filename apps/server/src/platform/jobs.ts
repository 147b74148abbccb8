import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Logger, type Runner, run, runMigrations, type TaskList, type WorkerEvents } from 'graphile-worker'
import type pg from 'pg'
import type { z } from 'zod'
import { type Queryable, sql } from './db.ts'
import { queuePool } from './queue-pool.ts'
import type { Log } from './telemetry.ts'

export interface JobOptions {
  /** A job of the same key that still waits is replaced, so that a thing is queued once. */
  readonly key?: string
  readonly runAt?: Date
  /** Tries before it is given up and shown as failed; 25 unless said. */
  readonly maxAttempts?: number
  /** Jobs of one queue run one after the other. */
  readonly queue?: string
}

const START_AGAIN_MILLISECONDS = 100
/** A runner that lost PostgreSQL may never say that it ended. */
const END_MILLISECONDS = 500
/** Jobs are short; one that is not must not keep all others waiting. */
const LONGEST_WAIT_MILLISECONDS = 5_000

type Handler = (payload: unknown) => Promise<void>

/** The only queue: graphile-worker in the same PostgreSQL, so that a job joins the transaction of the change that asks for it. */
export class Jobs {
  private readonly handlers = new Map<string, Handler>()
  private runner: Runner | undefined
  /** A new start that is under way. */
  private again: Promise<void> | undefined
  private stopped = false
  /** Handlers under way. */
  private running = 0
  /** While all jobs are being forgotten, those that were just taken wait here. */
  private held: Promise<unknown> | undefined
  /** Jobs up to this id were forgotten; one that was taken before that does nothing. */
  private forgottenId = 0
  private readonly pool: pg.Pool
  private readonly log: Log

  constructor(pool: pg.Pool, log: Log) {
    this.pool = pool
    this.log = log
  }

  /** Declares a task. Its work must be short and safe to run twice; long work is a leased child process. */
  register<S extends z.ZodType>(task: string, payload: S, handler: (payload: z.output<S>) => Promise<void>): void {
    if (this.handlers.has(task)) throw new Error(`The task "${task}" is registered twice.`)
    this.handlers.set(task, (raw) => handler(payload.parse(raw)))
  }

  async add(tx: Queryable, task: string, payload: unknown, options: JobOptions = {}): Promise<void> {
    await sql`
      select graphile_worker.add_job(${task}, payload := ${JSON.stringify(payload)}::json, queue_name := ${options.queue ?? null}::text,
        run_at := ${options.runAt ?? null}::timestamptz, max_attempts := ${options.maxAttempts ?? null}::int, job_key := ${options.key ?? null}::text)
    `.execute(tx)
  }

  /** Makes the queue's own tables; before any job is added. */
  async migrate(): Promise<void> {
    await runMigrations({ pgPool: this.pool, logger: loggerOf(this.log) })
  }

  /** Starts working. Jobs that a killed server held are freed first: one server works on a database at a time. */
  async start(concurrency: number): Promise<void> {
    await this.pool.query(`
      select graphile_worker.force_unlock_workers(array(
        select locked_by from graphile_worker._private_jobs where locked_by is not null
        union select locked_by from graphile_worker._private_job_queues where locked_by is not null))`)
    const taskList: TaskList = Object.fromEntries(
      [...this.handlers].map(([task, handler]) => [
        task,
        async (payload: unknown, { job }) => {
          await this.held
          if (Number(job.id) <= this.forgottenId) return
          this.running += 1
          try {
            await handler(payload)
          } catch (error) {
            this.log.error({ err: error, task, payload }, 'job failed, it is tried again')
            throw error
          } finally {
            this.running -= 1
          }
        },
      ]),
    )
    const events: WorkerEvents = new EventEmitter()
    const runner = await run({
      pgPool: queuePool(this.pool),
      concurrency,
      taskList,
      events,
      noHandleSignals: true,
      logger: loggerOf(this.log),
      // Written in batches only so that a write that fails ends the runner: alone it would be an unhandled rejection, which ends the process.
      preset: { worker: { pollInterval: 2000, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    })
    this.runner = runner
    const lost = () => this.startAgain(runner, concurrency)
    // A question whose answer was lost may have locked a job that nobody runs; a new start frees it, and listens again at once.
    events.on('worker:getJob:error', lost)
    events.on('pool:listen:error', lost)
    // It ends when it cannot write down how a job ended. Its promise may then never settle (0.18.0, main.js, `batch` counts below zero).
    events.on('pool:gracefulShutdown', lost)
    runner.promise.catch((error: unknown) => this.log.warn({ err: error }, 'the job runner ended'))
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.again
    await this.end(this.runner)
  }

  /** Lets the jobs under way end, drops all others, and does `work` before any new one begins. */
  async forget(work: () => Promise<void>): Promise<void> {
    const done = Promise.withResolvers<void>()
    this.held = done.promise
    try {
      const until = Date.now() + LONGEST_WAIT_MILLISECONDS
      while (this.running > 0 && Date.now() < until) await sleep(1)
      await this.drop()
      await work()
    } finally {
      this.held = undefined
      done.resolve()
    }
  }

  private async drop(): Promise<void> {
    const { rows } = await this.pool.query<{ last: number }>(`
      with gone as (delete from graphile_worker._private_jobs returning id)
      select coalesce(max(id), 0) as last from gone`)
    this.forgottenId = Math.max(this.forgottenId, Number(rows[0]?.last ?? 0))
  }

  /** After the loss of PostgreSQL: lets the jobs under way end, and starts anew as soon as it is back. */
  private startAgain(lost: Runner, concurrency: number): void {
    if (this.stopped || this.again || this.runner !== lost) return
    const begin = async () => {
      this.log.warn({ part: 'jobs' }, 'the queue lost PostgreSQL, it starts again')
      this.runner = undefined
      await this.end(lost)
      while (!this.stopped && !this.runner) {
        await this.start(concurrency).catch(() => sleep(START_AGAIN_MILLISECONDS))
      }
    }
    this.again = begin().finally(() => {
      this.again = undefined
    })
  }

  /** Lets a runner take no more jobs, and those under way end. */
  private async end(runner: Runner | undefined): Promise<void> {
    const ended = runner?.stop().catch(() => {})
    await Promise.race([ended, sleep(END_MILLISECONDS, undefined, { ref: false })])
    while (this.running > 0) await sleep(10)
  }

  /** Jobs that wait for now or run. A job that waits for a later time is not counted. */
  async pending(db: Queryable): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from graphile_worker._private_jobs
      where (locked_at is not null or run_at <= now() + interval '2 seconds') and attempts < max_attempts`.execute(db)
    return rows[0]?.count ?? 0
  }
}

/** Passes the queue's warnings and errors to our log; its chatter stays out. */
function loggerOf(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') log.error({ part: 'jobs' }, message)
    else if (level === 'warning') log.warn({ part: 'jobs' }, message)
  })
}
