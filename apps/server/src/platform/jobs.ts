import { Logger, type Runner, run, runMigrations, type TaskList } from 'graphile-worker'
import type pg from 'pg'
import type { z } from 'zod'
import { type Queryable, sql } from './db.ts'
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

type Handler = (payload: unknown) => Promise<void>

/** The only queue: graphile-worker in the same PostgreSQL, so that a job joins the transaction of the change that asks for it. */
export class Jobs {
  private readonly handlers = new Map<string, Handler>()
  private runner: Runner | undefined
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
        async (payload: unknown) => {
          try {
            await handler(payload)
          } catch (error) {
            this.log.error({ err: error, task, payload }, 'job failed, it is tried again')
            throw error
          }
        },
      ]),
    )
    this.runner = await run({
      pgPool: this.pool,
      concurrency,
      taskList,
      noHandleSignals: true,
      pollInterval: 2000,
      logger: loggerOf(this.log),
    })
    this.runner.promise.catch((error: unknown) => this.log.error({ err: error }, 'the job runner stopped'))
  }

  async stop(): Promise<void> {
    await this.runner?.stop()
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
