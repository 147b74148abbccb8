import type { Platform } from '../../platform/index.ts'
import type { EvaluationPorts } from '../types.ts'
import type { VersionKey } from './store.ts'

/** Rows of the training of a version that a pipeline made, as the digest of a Parquet file; null for any other. */
export async function sampleOf(
  { db }: Platform,
  { pipelines }: EvaluationPorts,
  { workspace, model, version }: VersionKey,
): Promise<string | null> {
  const run = await pipelines.runOfVersion(db, workspace, model, version)
  for (const name of ['reference', 'holdout']) {
    const output = run && (await pipelines.output(db, workspace, run, name))
    if (output) return output.digest
  }
  return null
}
