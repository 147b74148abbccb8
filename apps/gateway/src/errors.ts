import { defineError } from '@tidemark/contracts'

export const HostRefused = defineError(
  'PERMISSION_DENIED',
  403,
  () =>
    'The host of this request is not one that the gateway answers to. Use the address that was printed at its start.',
)
export const OriginRefused = defineError(
  'PERMISSION_DENIED',
  403,
  () => 'Requests from pages of other sites are refused.',
)
