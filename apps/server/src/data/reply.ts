import type { BatchResult, Dataset, DatasetVersion, QuarantineSummary } from '@tidemark/contracts'
import type { StoredDataset, StoredVersion } from './types.ts'

/** What became of a batch, in numbers and in a sentence. */
export function batchResult(
  name: string,
  received: number,
  goodRows: number,
  written: { version: StoredVersion | undefined; newRows: number; replacedRows: number },
  parent: StoredVersion | undefined,
  quarantine: QuarantineSummary[],
): BatchResult {
  const quarantinedRows = received - goodRows
  const latest = written.version ?? parent
  const kept = quarantinedRows > 0 ? ` ${quarantinedRows} rows were quarantined.` : ''
  const message = written.version
    ? `Version ${written.version.version} of ${name}: ${written.newRows} new rows, ${written.replacedRows} of them replace earlier ones.${kept}`
    : `Nothing new: ${latest ? `version ${latest.version} of ${name} has these rows already` : `${name} has no version yet`}.${kept}`
  return {
    created: written.version !== undefined,
    message,
    version: latest ? versionReply(latest) : null,
    received,
    newRows: written.newRows,
    replacedRows: written.replacedRows,
    knownRows: goodRows - written.newRows,
    quarantinedRows,
    quarantine,
  }
}

/** A dataset as the API shows it. */
export function replyOf(dataset: StoredDataset, latest: StoredVersion | undefined, quarantinedRows: number): Dataset {
  return {
    name: dataset.name,
    definition: dataset.definition,
    latest: latest ? versionReply(latest) : null,
    versions: dataset.latestVersion,
    quarantinedRows,
    createdAt: dataset.createdAt.toISOString(),
  }
}

/** A version as the API shows it. */
export function versionReply(version: StoredVersion): DatasetVersion {
  const { workspace: _, definition: __, chunks: ___, from, to, createdAt, ...rest } = version
  return {
    ...rest,
    from: from?.toISOString() ?? null,
    to: to?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }
}
