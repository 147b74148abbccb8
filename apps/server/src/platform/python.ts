import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cacheFolder, canReach, ensureEnvironment, WorkerPool, workerAccount } from '@tidemark/workers'

/** The lock of the environment that the platform brings: what steps and models run in unless they bring their own. */
export const PLATFORM_LOCK = resolve(import.meta.dirname, '../../../../python/locks/worker.txt')

/** Python workers of this server: one pool for each environment, shared by all modules, started on first need. */
export class PythonPools {
  private readonly dataDir: string
  private readonly pools = new Map<string, WorkerPool>()

  constructor(dataDir: string) {
    this.dataDir = dataDir
  }

  /**
   * The pool of a requirement file with hashes; its environment is built when it is not there.
   * @throws NO_PYTHON, UV_NOT_FETCHED, ENVIRONMENT_FAILED (WorkerError)
   */
  async pool(lockFile: string = PLATFORM_LOCK): Promise<WorkerPool> {
    const environment = await ensureEnvironment(lockFile)
    const known = this.pools.get(environment.lockHash)
    if (known) return known
    const pool = new WorkerPool({ environment })
    this.pools.set(environment.lockHash, pool)
    return pool
  }

  /** A folder for the work of one part that the workers' user may enter: below the data folder, or beside the environments. */
  workFolder(part: string): string {
    const account = workerAccount()
    const inside = join(this.dataDir, 'work')
    openFolder(inside)
    if (canReach(account, inside)) return join(inside, part)
    const outside = join(cacheFolder(account), 'work')
    const own = join(outside, createHash('sha256').update(this.dataDir).digest('hex').slice(0, 12))
    openFolder(outside)
    openFolder(own)
    return join(own, part)
  }

  /** Ends all workers and what they run. */
  async close(): Promise<void> {
    const pools = [...this.pools.values()]
    this.pools.clear()
    await Promise.all(pools.map((pool) => pool.close()))
  }
}

/** A folder that others may pass through and not list. */
function openFolder(path: string): void {
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o711)
}
