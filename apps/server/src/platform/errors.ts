import { defineError } from '@tidemark/contracts'

export const PermissionDenied = defineError(
  'PERMISSION_DENIED',
  403,
  (permission: string, what: string) =>
    `You lack the permission ${permission}${what ? ` on ${what}` : ''}. Ask an owner of the workspace for it.`,
)
export const NotFound = defineError('NOT_FOUND', 404, (what: string) => `There is no ${what}.`)
export const HostRefused = defineError(
  'HOST_REFUSED',
  403,
  (host: string) =>
    `The host "${host}" is not one this platform answers to. Open it by the address that it printed at its start.`,
)
export const OriginRefused = defineError(
  'ORIGIN_REFUSED',
  403,
  (origin: string) => `Requests from pages of "${origin}" are refused.`,
)
export const BlobNotFound = defineError(
  'BLOB_NOT_FOUND',
  404,
  (digest: string) => `No content ${digest} in this workspace.`,
)
export const BlobSwept = defineError(
  'BLOB_SWEPT',
  503,
  () => 'The content was deleted as nobody’s while it was being stored. Send it again.',
)
export const DiskFull = defineError(
  'DISK_FULL',
  507,
  () =>
    "The disk of the platform's data folder is full. Nothing of this was stored. Free room (`tidemark gc`), then send it again.",
)
export const NotReady = defineError('NOT_READY', 503, (what: string) => `Not ready: ${what}. Try again in a moment.`)
export const DatabaseNewer = defineError(
  'DATABASE_NEWER',
  500,
  (id: string) =>
    `The database was written by a newer release (it has migration ${id}). Start that release, or restore a backup made before it.`,
)
