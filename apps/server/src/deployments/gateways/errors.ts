import { defineError } from '@tidemark/contracts'

export const InternalTokenRefused = defineError(
  'INTERNAL_TOKEN_REFUSED',
  401,
  () => 'This address is for the gateways of the platform, which prove themselves with its internal token.',
)
export const BlobUnknown = defineError('BLOB_NOT_FOUND', 404, (digest: string) => `There is no content ${digest}.`)
