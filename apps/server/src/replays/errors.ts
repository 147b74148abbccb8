import { defineError } from '@tidemark/contracts'

export const ReplayNotFound = defineError('REPLAY_NOT_FOUND', 404, (id: string) => `There is no replay ${id}.`)
export const ReplayEndpointUnknown = defineError(
  'ENDPOINT_NOT_FOUND',
  404,
  (name: string) => `There is no endpoint "${name}". \`tidemark endpoints list\` names those there are.`,
)
export const ReplayVersionUnknown = defineError(
  'MODEL_VERSION_NOT_FOUND',
  404,
  (model: string, version: number) => `The registry has no model version ${model}/${version}.`,
)
export const ReplayColumnsHidden = defineError(
  'REPLAY_COLUMNS_HIDDEN',
  409,
  (endpoint: string, ref: string, columns: readonly string[]) =>
    `${ref} needs ${columns.map((column) => `"${column}"`).join(', ')}, which the logging policy of "${endpoint}" masks or hashes before it is written: what was logged cannot be asked again. Choose a version that does without, or shadow it on live traffic with a rollout.`,
)
export const ReplayRangeEmpty = defineError(
  'REPLAY_RANGE_EMPTY',
  400,
  (from: string, to: string) => `"from" (${from}) is not before "to" (${to}): there is no time between them.`,
)
export const ReplayEnded = defineError(
  'REPLAY_ENDED',
  409,
  (id: string, state: string) => `Replay ${id} has ended (${state}); nothing was changed.`,
)
