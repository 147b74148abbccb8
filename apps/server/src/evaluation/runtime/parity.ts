import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type AnswerKind, Json, type JsonValue } from '@tidemark/contracts'
import type { InputMap } from '@tidemark/workers'
import { z } from 'zod'

const PROGRAM = fileURLToPath(new URL('../../../../gateway/src/parity/main.ts', import.meta.url))
const TIMEOUT_MILLISECONDS = 60_000

const Verdict = z.union([
  z.object({
    ok: z.boolean(),
    maxAbsoluteDifference: z.number(),
    mismatches: z.int(),
    ties: z.int(),
    worst: z.array(z.object({ row: z.int(), got: Json, difference: z.number().nullable() })),
  }),
  z.object({ ok: z.literal(false), error: z.string() }),
])
export type ParityVerdict = z.infer<typeof Verdict>

/** Rows of which Python's answer is known, to be answered by the converted model. */
export interface ParityQuestion {
  readonly modelFile: string
  readonly inputs: InputMap['inputs']
  readonly output: string
  readonly shape: InputMap['shape']
  readonly names: readonly string[] | undefined
  readonly kind: AnswerKind
  readonly tolerance: number
  readonly scores: string | null
  readonly columns: readonly string[]
  readonly rows: readonly (readonly JsonValue[])[]
  /** For each row the request that it came with. */
  readonly requests: readonly string[]
  readonly expected: readonly (
    | { readonly value: JsonValue; readonly scores: readonly number[] | null }
    | { readonly error: string }
  )[]
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
