import type { Progress } from './job.ts'

/** Tells the server how far the work is. */
export function print(progress: Progress): void {
  process.stdout.write(`${JSON.stringify(progress)}\n`)
}

/**
 * Runs a job whose file is the first argument. Ends with 0, or with 2 and the reason on standard error; and when standard input does: then the server
 * that asked is gone.
 */
export async function runProgram(main: (jobFile: string) => Promise<void>): Promise<never> {
  process.stdin.on('end', () => process.exit(3)).resume()
  try {
    await main(process.argv[2] ?? '')
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(2)
  }
}
