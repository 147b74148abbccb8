import { defineError } from '@tidemark/contracts'

export const PredictionUnknown = defineError(
  'PREDICTION_NOT_FOUND',
  404,
  (id: string) => `The log has no prediction ${id}.`,
)
export const PredictionFailed = defineError(
  'PREDICTION_FAILED',
  409,
  (id: string) => `Prediction ${id} has no answer to explain: its version failed.`,
)
export const RowUnknown = defineError(
  'PREDICTION_ROW_NOT_FOUND',
  404,
  (row: number, rows: number) =>
    `The request had ${rows} ${rows === 1 ? 'row' : 'rows'}, so there is no row ${row} (they count from 0).`,
)
export const InputRedacted = defineError(
  'PREDICTION_INPUT_REDACTED',
  409,
  (columns: string) =>
    `The log did not keep what was sent as ${columns}, so the prediction cannot be made again. Explain the row itself: POST /api/v1/models/MODEL/versions/VERSION/explanations.`,
)
export const NotExplainable = defineError(
  'VERSION_NOT_EXPLAINABLE',
  422,
  (version: string, reason: string) => `${version} cannot be explained: ${reason}`,
)
export const ImportanceUnknown = defineError(
  'IMPORTANCE_NOT_FOUND',
  404,
  (version: string) =>
    `Nothing was measured of ${version}: it is measured after its registration when it was logged with a signature and an input example of several rows, or made by a pipeline.`,
)
