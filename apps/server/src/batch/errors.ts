import { defineError } from '@tidemark/contracts'

export const BatchNotFound = defineError(
  'BATCH_NOT_FOUND',
  404,
  (id: string) => `There is no batch prediction ${id}. \`tidemark batch list\` names those there are.`,
)
export const BatchVersionUnknown = defineError(
  'MODEL_VERSION_NOT_FOUND',
  404,
  (model: string, which: string) => `The registry has no version of "${model}" by ${which}.`,
)
export const VersionNotPrepared = defineError(
  'MODEL_VERSION_NOT_PREPARED',
  409,
  (ref: string) =>
    `Where ${ref} runs is not decided yet. A version with an input example is prepared within a minute after its registration: try again then. One without is by its gates: start an evaluation of it first.`,
)
export const BatchColumnsMissing = defineError(
  'BATCH_COLUMNS_MISSING',
  400,
  (dataset: string, columns: readonly string[]) =>
    `Dataset ${dataset} has no ${columns.length === 1 ? 'column' : 'columns'} ${columns.map((column) => `"${column}"`).join(', ')}, which the model needs.`,
)
export const BatchOutIsInput = defineError(
  'BATCH_OUT_IS_INPUT',
  400,
  (dataset: string) => `"${dataset}" is the input: name another dataset for the result.`,
)
export const BatchOutTaken = defineError(
  'BATCH_OUT_TAKEN',
  409,
  (dataset: string) =>
    `"${dataset}" is a dataset with other columns than a prediction's. Name another one, or one that an earlier batch prediction made.`,
)
export const BatchEnded = defineError(
  'BATCH_ENDED',
  409,
  (id: string, state: string) => `Batch prediction ${id} has ended (${state}); nothing was changed.`,
)
export const BatchFileUnknown = defineError(
  'BATCH_FILE_NOT_FOUND',
  404,
  (digest: string) => `There is no file ${digest} here. Send it to POST /api/v1/batch-files first.`,
)
