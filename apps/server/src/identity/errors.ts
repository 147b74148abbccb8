import { defineError } from '@tidemark/contracts'

export const TokenRefused = defineError(
  'TOKEN_REFUSED',
  401,
  () =>
    'The token of this request is not valid here, or no longer. Leave the Authorization header out, or start the run again.',
)
