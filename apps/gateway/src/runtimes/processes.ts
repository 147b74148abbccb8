import { readFileSync } from 'node:fs'
import type { Gap, Limits, ServedModel, WorkerPool } from '@tidemark/workers'
import type { ModelProcess } from './python.ts'

/** Starts Python models, each in a process of its own, one pool of them for each environment. */
export class PythonProcesses {
  /** By the hash of the lock. */
  private readonly pools = new Map<string, WorkerPool>()
  private readonly onLog: (line: string) => void

  constructor(onLog: (line: string) => void) {
    this.onLog = onLog
  }

  /** Builds the environment of the lock when it is not there, and loads the model. @throws Error that says why it could not. */
  async start(modelFolder: string, lockFile: string, limits: Limits, gap: Gap = 'request'): Promise<ModelProcess> {
    // Loaded with the first Python model.
    const { ensureEnvironment, WorkerPool: Pool } = await import('@tidemark/workers')
    const environment = await ensureEnvironment(lockFile)
    const pool = this.pools.get(environment.lockHash) ?? new Pool({ environment })
    this.pools.set(environment.lockHash, pool)
    const onLog = ({ line }: { line: string }) => this.onLog(line)
    return processOf(await pool.serve(modelFolder, { gap, limits, onLog }))
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.close()))
  }
}

function processOf(model: ServedModel): ModelProcess {
  const ended = new Promise<string>((resolve) => model.onExit((error) => resolve(error.message)))
  return {
    ended,
    ask: async (frames) =>
      (await model.ask(frames)).map((answer) => {
        if ('error' in answer) return answer
        const { values, form } = answer
        return form === undefined || form === 'rows' ? { values } : { values, form }
      }),
    bytes: () => bytesOf(model.pid),
    close: () => model.close(),
    kill: () => model.kill(),
  }
}

/** What a process holds alone, as the kernel counts it; what it shares with the process that it was forked from is left out. */
function bytesOf(pid: number | undefined): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const kilobytes = [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce(
      (sum, [, size]) => sum + Number(size),
      0,
    )
    return kilobytes * 1024
  } catch {
    // It ended meanwhile.
    return 0
  }
}
