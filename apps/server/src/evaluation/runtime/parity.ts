import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { InputMap } from '@tidemark/workers'
import { z } from 'zod'
import type { Value } from '../types.ts'

const PROGRAM = fileURLToPath(new URL('../../../../gateway/src/parity/main.ts', import.meta.url))
const TIMEOUT_MILLISECONDS = 60_000

const Verdict = z.union([
  z.object({
    ok: z.boolean(),
    maxAbsoluteDifference: z.number(),
    worst: z.array(z.object({ row: z.int(), expected: z.number(), got: z.unknown() })),
  }),
  z.object({ ok: z.literal(false), error: z.string() }),
])
export type ParityVerdict = z.infer<typeof Verdict>

/** Rows that Python predicted, to be predicted by the converted model. */
export interface ParityQuestion {
  readonly modelFile: string
  readonly inputs: InputMap['inputs']
  readonly output: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Value[])[]
  readonly expected: readonly number[]
  readonly tolerance: number
}

/** Runs the converted model by the gateway's own code, in a process of its own: a model that breaks the runtime breaks only that. */
export async function checkParity(question: ParityQuestion): Promise<ParityVerdict> {
  const flags = process.execArgv.filter((flag) => !flag.startsWith('--test') && !flag.startsWith('--inspect'))
  const child = spawn(process.execPath, [...flags, PROGRAM], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Neither DATABASE_URL nor the internal token are its business.
    env: { PATH: process.env.PATH ?? '' },
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MILLISECONDS)
  try {
    // A child that died early closes its input; what it said is on its error stream.
    child.stdin.on('error', () => {})
    child.stdin.end(JSON.stringify(question))
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exit])
    if (code !== 0) return { ok: false, error: errors.trim().split('\n').at(-1) || `the check ended with code ${code}` }
    return Verdict.parse(JSON.parse(output))
  } finally {
    clearTimeout(timer)
  }
}
