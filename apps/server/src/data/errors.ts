import { defineError } from '@tidemark/contracts'

export const DatasetNotFound = defineError(
  'DATASET_NOT_FOUND',
  404,
  (name: string) => `There is no dataset "${name}". Declare it with POST /api/v1/datasets.`,
)
export const DatasetVersionNotFound = defineError(
  'DATASET_VERSION_NOT_FOUND',
  404,
  (name: string, version: string) => `Dataset "${name}" has no version ${version}.`,
)
export const DatasetEmpty = defineError(
  'DATASET_EMPTY',
  409,
  (name: string) => `Dataset "${name}" has no version yet: append rows to it first.`,
)
export const DefinitionIncompatible = defineError(
  'DEFINITION_INCOMPATIBLE',
  409,
  (name: string, what: string) =>
    `Dataset "${name}" holds rows that the new declaration would change: ${what}. Declare a dataset of another name instead.`,
)
export const UnknownColumns = defineError(
  'UNKNOWN_COLUMNS',
  400,
  (name: string, columns: string) =>
    `Rows of "${name}" have columns that it does not declare: ${columns}. Declare them, or leave them out.`,
)
export const UnknownColumn = defineError(
  'UNKNOWN_COLUMN',
  400,
  (name: string, column: string) => `Dataset "${name}" has no column "${column}".`,
)
export const QuarantineNotFound = defineError(
  'QUARANTINED_ROWS_NOT_FOUND',
  404,
  (ids: string) => `These rows are not in quarantine (any more): ${ids}.`,
)
export const RowUnreadable = defineError(
  'ROW_UNREADABLE',
  409,
  (name: string, reason: string) => `A row cannot be released into "${name}": ${reason} Send it corrected instead.`,
)
