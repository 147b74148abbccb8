import { readFileSync } from 'node:fs'
import { Name, RolloutPolicy } from '@tidemark/contracts'
import { parse } from 'yaml'
import { z } from 'zod'
import { cliError } from '../errors.ts'

/** A rollout as its owner declares it in a file: which version on which endpoint, why, and by which policy. */
const RolloutFile = z.strictObject({
  endpoint: Name,
  version: z.int().min(1),
  reason: z.string().min(1).max(2000),
  policy: RolloutPolicy.optional(),
})
export type RolloutFile = z.infer<typeof RolloutFile>

/** Reads a rollout's file, YAML or JSON. @throws CliError when it cannot be read or is no rollout. */
export function readRolloutFile(file: string): RolloutFile {
  let content: unknown
  try {
    content = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw cliError('FILE_UNREADABLE', file, error instanceof Error ? error.message : String(error))
  }
  const parsed = RolloutFile.safeParse(content)
  if (!parsed.success) throw cliError('WRONG_DEFINITION', file, z.prettifyError(parsed.error))
  return parsed.data
}
