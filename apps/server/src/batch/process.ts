import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const PROGRAMS = {
  batch: fileURLToPath(new URL('../../../gateway/src/batch/main.ts', import.meta.url)),
  replay: fileURLToPath(new URL('../../../gateway/src/replay/main.ts', import.meta.url)),
} as const
export type Program = keyof typeof PROGRAMS

const Progress = z.object({ rows: z.int(), rowsDone: z.int() })
export type Progress = z.infer<typeof Progress>

/** The process ended without a result: its own words, or how it ended. */
export class BatchProcessFailed extends Error {
  /** It said why: trying again would say the same. */
  readonly final: boolean
  constructor(reason: string, final: boolean) {
    super(reason)
    this.final = final
  }
}

/** The chunks that a program has written, in their order; each is whole when it has its name. */
export async function chunksIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.parquet'))
  return names.sort().map((name) => join(folder, name))
}

/** The progress that a line tells; null for one that a library printed, or that a killed process did not end. */
export function progressOf(line: string): Progress | null {
  try {
    return Progress.safeParse(JSON.parse(line)).data ?? null
  } catch {
    return null
  }
}

/** Runs one of the gateway's programs on a job's file: a model that breaks its process breaks only that. */
export class BatchProcess {
  private readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<void>

  constructor(program: Program, jobFile: string, onProgress: (progress: Progress) => void) {
    const flags = process.execArgv.filter((flag) => !flag.startsWith('--test') && !flag.startsWith('--inspect'))
    // Neither DATABASE_URL nor the internal token are its business.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => /^(PATH|HOME|LANG|TIDEMARK_CACHE|PIP_|UV_)/.test(name)),
    )
    const child = spawn(process.execPath, [...flags, PROGRAMS[program], jobFile], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env,
    })
    this.child = child
    child.stdin.on('error', () => {})
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000)
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      const progress = progressOf(line)
      if (progress) onProgress(progress)
    })
    this.ended = new Promise((resolve, reject) => {
      child.once('error', (error) => reject(new BatchProcessFailed(error.message, false)))
      child.once('close', (code, signal) => {
        if (code === 0) resolve()
        else if (code === 2) reject(new BatchProcessFailed(said.trim().slice(-1000), true))
        else
          reject(
            new BatchProcessFailed(
              `its process ended by ${signal ?? `code ${code}`}. ${said.trim().split('\n').at(-1) ?? ''}`.trim(),
              false,
            ),
          )
      })
    })
    this.ended.catch(() => {})
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }
}
