import { defineError } from '@tidemark/contracts'

export const NoBackup = defineError(
  'NO_BACKUP',
  404,
  (folder: string) =>
    `There is no complete backup in ${folder}. A folder without manifest.json is one that did not end: make another with "tidemark backup".`,
)
export const BackupNewer = defineError(
  'BACKUP_NEWER',
  409,
  (what: string) =>
    `The backup was made by a newer release (${what}). Restore it with that release, or with one that is newer still.`,
)
export const BackupDamaged = defineError(
  'BACKUP_DAMAGED',
  409,
  (file: string, why: string) => `The backup is damaged: ${file} ${why}. Nothing was restored; use another backup.`,
)
export const DataNotEmpty = defineError(
  'DATA_NOT_EMPTY',
  409,
  (what: string) => `${what} is not empty, and a backup is only restored into an empty one. Choose another.`,
)
export const BlobMissing = defineError(
  'BLOB_MISSING',
  409,
  (digest: string, folder: string, why: string) =>
    `The content ${digest} ${why} in ${folder}. The backup was not completed: is this the data folder of that database?`,
)
