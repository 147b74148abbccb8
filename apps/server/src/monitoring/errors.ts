import { defineError } from '@tidemark/contracts'

export const PredictionNotFound = defineError(
  'PREDICTION_NOT_FOUND',
  404,
  (id: string) => `The prediction log has no prediction ${id} of this workspace.`,
)
export const EndpointNotMonitored = defineError(
  'ENDPOINT_NOT_FOUND',
  404,
  (endpoint: string) => `There is no endpoint "${endpoint}". \`tidemark endpoints list\` names those there are.`,
)
export const WindowNotFound = defineError(
  'WINDOW_NOT_FOUND',
  404,
  (window: string, endpoint: string) => `Endpoint "${endpoint}" has no window ${window}.`,
)
export const FaultNotFound = defineError(
  'FAULT_NOT_FOUND',
  404,
  (fault: string, endpoint: string) => `Endpoint "${endpoint}" has no input fault ${fault}.`,
)
export const FaultResolved = defineError(
  'FAULT_RESOLVED',
  409,
  (fault: string) => `The input fault ${fault} is resolved already.`,
)
export const ConditionUnreadable = defineError(
  'CONDITION_UNREADABLE',
  400,
  (condition: string) =>
    `The condition "${condition.slice(0, 100)}" cannot be read. It is a field (input.COLUMN, prediction or milliseconds), one of = != < <= > >=, and a value, as in input.budget>=1000; < and > need a number.`,
)
export const ErasureNotFound = defineError('ERASURE_NOT_FOUND', 404, (id: string) => `There is no erasure ${id}.`)
export const LabelFileRefused = defineError(
  'LABEL_FILE_REFUSED',
  400,
  (line: number, what: string) => `Line ${line} of the file is no label: ${what}. Nothing of the file was taken.`,
)
export const LabelFileTypeUnknown = defineError(
  'LABEL_FILE_TYPE_UNKNOWN',
  415,
  () => 'A file of labels is sent as application/x-ndjson (one JSON object a line) or text/csv (with a header).',
)
