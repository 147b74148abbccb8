import { defineError } from '@tidemark/contracts'

/** Errors of the scoring protocol, with the codes of MLflow's. None repeats what the caller sent. */
export const WrongContentType = defineError(
  'UNSUPPORTED_MEDIA_TYPE',
  415,
  () =>
    "This predictor only supports the following content types: Types: ['text/csv', 'application/json', 'application/vnd.apache.parquet'].",
)
export const WrongCharset = defineError('UNSUPPORTED_MEDIA_TYPE', 415, () => 'The scoring server only supports UTF-8')
export const WrongParameter = defineError(
  'UNSUPPORTED_MEDIA_TYPE',
  415,
  () => 'Unrecognized content type parameters: only charset is known.',
)
export const NotJson = defineError(
  'BAD_REQUEST',
  400,
  () => 'Ensure that input is a valid JSON formatted string in UTF-8.',
)
export const NotTable = defineError(
  'BAD_REQUEST',
  400,
  (format: 'CSV' | 'Parquet', what: string) =>
    `Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid ${format} file as pandas writes it. ${what}`,
)
export const WrongShape = defineError(
  'BAD_REQUEST',
  400,
  (what: string) =>
    `The input must be a JSON dictionary with exactly one of the input fields dataframe_split, dataframe_records, instances, inputs. ${what}`,
)
/** What only the model's own process finds out, in its words. */
export const NotForSignature = defineError(
  'INVALID_PARAMETER_VALUE',
  400,
  (what: string) => `Failed to enforce schema of data. ${what}`,
)
/** A data frame that is none, which MLflow's server tells apart from one of another schema. */
export const WrongTable = defineError('BAD_REQUEST', 400, (what: string) => what)
export const InvalidInput = defineError('INVALID_PARAMETER_VALUE', 400, (what: string) => what)
export const MissingColumns = defineError(
  'INVALID_PARAMETER_VALUE',
  400,
  (columns: readonly string[]) =>
    `Failed to enforce schema of data. Model is missing inputs ${columns.map((column) => `"${column}"`).join(', ')}. Send ${columns.length === 1 ? 'this column' : 'these columns'}; null is allowed where a value is unknown.`,
)
/** MLflow's server has another code for a value that cannot be read than for a column or a shape that is not the signature's. */
export const WrongType = defineError(
  'BAD_REQUEST',
  400,
  (column: string, row: number, wanted: string) =>
    `Failed to enforce schema of data. Incompatible input type for column "${column}", row ${row}: it must be ${wanted}.`,
)
export const WrongArray = defineError(
  'INVALID_PARAMETER_VALUE',
  400,
  (name: string, row: number, shape: readonly number[]) =>
    `Failed to enforce schema of data. Row ${row}${name === '' ? '' : ` of "${name}"`} is no array of shape [${shape.join(', ')}].`,
)
export const TooManyRows = defineError(
  'INVALID_PARAMETER_VALUE',
  413,
  (limit: number) => `One request may have at most ${limit} rows. Send the rest in further requests.`,
)
export const NoSuchEndpoint = defineError(
  'RESOURCE_DOES_NOT_EXIST',
  404,
  () => 'No endpoint of this name is served here.',
)
export const TokenNeeded = defineError(
  'UNAUTHENTICATED',
  401,
  () => 'This platform has a login. Send a service token: "Authorization: Bearer tdm_…".',
)
export const TokenRefused = defineError(
  'UNAUTHENTICATED',
  401,
  () =>
    'The token is unknown here, void or expired. Make one with `tidemark tokens create NAME --role viewer --endpoints NAMES`.',
)
export const NotForThis = defineError('PERMISSION_DENIED', 403, () => 'The token is not for this endpoint.')
export const NoSuchVersion = defineError(
  'RESOURCE_DOES_NOT_EXIST',
  404,
  () => 'This endpoint does not answer with a version of that number now.',
)
export const NoSuchSignature = defineError(
  'INVALID_PARAMETER_VALUE',
  400,
  () => 'The model has no signature of that name. Leave "signature_name" out, or send "serving_default".',
)
export const NoSuchVerb = defineError(
  'ENDPOINT_NOT_FOUND',
  404,
  () => 'Of the verbs of this protocol only ":predict" is served, as in POST /v1/models/NAME:predict.',
)
export const AmbiguousEndpoint = defineError(
  'INVALID_PARAMETER_VALUE',
  400,
  (names: readonly string[]) =>
    `Several endpoints are served here: ${names.join(', ')}. Call /endpoints/NAME/invocations, or start the platform with --default-endpoint NAME.`,
)
export const NothingServed = defineError(
  'TEMPORARILY_UNAVAILABLE',
  503,
  () => 'No endpoint is served here yet. Create one, or try again in a moment.',
)
export const EndpointUnavailable = defineError(
  'TEMPORARILY_UNAVAILABLE',
  503,
  () => 'The version of this endpoint is being loaded here, or could not be. Try again in a moment.',
)
export const Overloaded = defineError(
  'TOO_MANY_REQUESTS',
  429,
  () => 'This endpoint has as many requests as it takes on. Try again in a moment.',
)
export const QueuedTooLong = defineError(
  'TEMPORARILY_UNAVAILABLE',
  503,
  () => 'The time of this request was over before its turn came. Try again in a moment, or allow it more time.',
)
export const WrongEncoding = defineError(
  'UNSUPPORTED_MEDIA_TYPE',
  415,
  () => 'A body may be packed by the content encodings gzip and deflate, or not at all.',
)
export const NotPacked = defineError('BAD_REQUEST', 400, () => 'The body is not what its content encoding says.')
export const BodyTooLarge = defineError(
  'BAD_REQUEST',
  413,
  (limit: number) => `The body is larger than the ${limit} bytes that this endpoint takes. Send fewer rows at a time.`,
)
export const LogUnavailable = defineError(
  'TEMPORARILY_UNAVAILABLE',
  503,
  () => 'The prediction log cannot be written, so no answer is given. Look at the disk of the data folder.',
)
