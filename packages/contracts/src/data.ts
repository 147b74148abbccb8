import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { ActorRef, Digest, Instant, Json, Name } from './values.ts'

const tag = 'data'

/** `date` and `timestamp` columns are parsed by their `format`; a number in a string column is taken as its text (a film called 300). */
export const DataType = z.enum(['string', 'number', 'integer', 'boolean', 'date', 'timestamp'])
export type DataType = z.infer<typeof DataType>

export const DatasetColumn = z.strictObject({
  type: DataType,
  /** strptime letters of %Y %m %d %b %B %H %M %S, or `iso`; for `date` and `timestamp`. */
  format: z.string().default('iso'),
  description: z.string().default(''),
})
export type DatasetColumn = z.infer<typeof DatasetColumn>

/** A column whose unit may slip: thousands for units, cents for euros. A batch is compared with what the dataset already holds. */
export const UnitRule = z.strictObject({
  column: z.string(),
  /** Factors that a unit mistake would make: 1000 stands for "a thousand times too small or too large". */
  factors: z.array(z.number().gt(2)).min(1).default([1000]),
  /** Values needed on each side before the check judges. */
  minRows: z.int().min(3).default(8),
})
export type UnitRule = z.infer<typeof UnitRule>

export const RangeRule = z.strictObject({
  column: z.string(),
  min: z.number().optional(),
  max: z.number().optional(),
  /** What the numbers mean, for the reason. */
  unit: z.string().default(''),
})
export type RangeRule = z.infer<typeof RangeRule>

/** What a dataset is, declared by its owner; the example's `dataset.yaml`. */
export const DatasetDefinition = z
  .strictObject({
    name: Name,
    description: z.string().default(''),
    /** Where the data comes from and under which licence, in words. */
    source: z.string().default(''),
    license: z.string().default('not stated'),
    /** Columns that together name a row. A later row of the same key replaces the earlier one. */
    key: z.array(z.string()).min(1),
    /** Column of type `date` or `timestamp` that says when the row's thing happened. */
    eventTime: z.string().nullable().default(null),
    target: z.string().nullable().default(null),
    /** A type, or a type with its format. */
    columns: z.record(
      z.string(),
      z.union([DataType.transform((type) => DatasetColumn.parse({ type })), DatasetColumn]),
    ),
    /** Last day that the source can know: rows dated after it are quarantined. */
    snapshotEnd: z.iso.date().nullable().default(null),
    quality: z
      .strictObject({ ranges: z.array(RangeRule).default([]), units: z.array(UnitRule).default([]) })
      .prefault({}),
  })
  .superRefine((definition, context) => {
    const name = (column: string | null, path: (string | number)[]) => {
      if (column !== null && !Object.hasOwn(definition.columns, column))
        context.addIssue({ code: 'custom', path, message: `"${column}" is not among the columns.` })
    }
    definition.key.forEach((column, index) => {
      name(column, ['key', index])
    })
    name(definition.eventTime, ['eventTime'])
    name(definition.target, ['target'])
    definition.quality.ranges.forEach((rule, index) => {
      name(rule.column, ['quality', 'ranges', index, 'column'])
    })
    definition.quality.units.forEach((rule, index) => {
      name(rule.column, ['quality', 'units', index, 'column'])
    })
    const time = definition.eventTime === null ? undefined : definition.columns[definition.eventTime]
    if (time && time.type !== 'date' && time.type !== 'timestamp')
      context.addIssue({ code: 'custom', path: ['eventTime'], message: 'The event time must be a date or timestamp.' })
    if (definition.snapshotEnd !== null && definition.eventTime === null)
      context.addIssue({ code: 'custom', path: ['snapshotEnd'], message: 'snapshotEnd needs an eventTime column.' })
  })
  .meta({ id: 'DatasetDefinition' })
export type DatasetDefinition = z.infer<typeof DatasetDefinition>

/** One immutable state of a dataset. Its digest names the rows, whatever batches brought them. */
export const DatasetVersion = z
  .object({
    dataset: z.string(),
    version: z.int(),
    digest: Digest,
    rows: z.int(),
    newRows: z.int(),
    replacedRows: z.int(),
    newBytes: z.int(),
    /** Rows of this version's batch that the quality gate kept out. */
    quarantinedRows: z.int(),
    /** Event time of the first and last row. */
    from: Instant.nullable(),
    to: Instant.nullable(),
    parent: z.int().nullable(),
    source: z.string(),
    batchDigest: Digest,
    createdBy: ActorRef,
    createdAt: Instant,
  })
  .meta({ id: 'DatasetVersion' })
export type DatasetVersion = z.infer<typeof DatasetVersion>

export const Dataset = z
  .object({
    name: z.string(),
    definition: DatasetDefinition,
    latest: DatasetVersion.nullable(),
    versions: z.int(),
    quarantinedRows: z.int(),
    createdAt: Instant,
  })
  .meta({ id: 'Dataset' })
export type Dataset = z.infer<typeof Dataset>

const QuarantineSummary = z.object({ rule: z.string(), rows: z.int(), reason: z.string() })
export type QuarantineSummary = z.infer<typeof QuarantineSummary>

/** What became of a batch. `created: false`: every good row was there already, so the latest version is still the latest. */
export const BatchResult = z
  .object({
    created: z.boolean(),
    message: z.string(),
    version: DatasetVersion.nullable(),
    received: z.int(),
    newRows: z.int(),
    replacedRows: z.int(),
    knownRows: z.int(),
    quarantinedRows: z.int(),
    quarantine: z.array(QuarantineSummary),
  })
  .meta({ id: 'BatchResult' })
export type BatchResult = z.infer<typeof BatchResult>

export const ColumnProfile = z
  .object({
    column: z.string(),
    type: DataType,
    rows: z.int(),
    missing: z.int(),
    distinct: z.int(),
    /** Numbers only, in the column's own unit. */
    numeric: z
      .object({
        min: z.number(),
        max: z.number(),
        mean: z.number(),
        standardDeviation: z.number().nullable(),
        quantiles: z.object({
          p01: z.number(),
          p05: z.number(),
          p25: z.number(),
          p50: z.number(),
          p75: z.number(),
          p95: z.number(),
          p99: z.number(),
        }),
        histogram: z.array(z.object({ from: z.number(), to: z.number(), rows: z.int() })),
      })
      .nullable(),
    /** Dates and timestamps only. */
    time: z
      .object({ from: Instant, to: Instant, byYear: z.array(z.object({ year: z.int(), rows: z.int() })) })
      .nullable(),
    /** The most frequent values of text and booleans, the most frequent first. */
    top: z.array(z.object({ value: z.string(), rows: z.int() })),
  })
  .meta({ id: 'ColumnProfile' })
export type ColumnProfile = z.infer<typeof ColumnProfile>

export const DatasetProfile = z
  .object({ formatVersion: z.literal(1), rows: z.int(), columns: z.array(ColumnProfile) })
  .meta({ id: 'DatasetProfile' })
export type DatasetProfile = z.infer<typeof DatasetProfile>

export const QuarantinedRow = z
  .object({
    id: z.int(),
    rule: z.string(),
    column: z.string().nullable(),
    reason: z.string(),
    row: z.record(z.string(), Json),
    /** Latest version at the time; the row is in none. */
    version: z.int(),
    source: z.string(),
    state: z.enum(['quarantined', 'released', 'discarded']),
    createdAt: Instant,
  })
  .meta({ id: 'QuarantinedRow' })
export type QuarantinedRow = z.infer<typeof QuarantinedRow>

const DatasetPath = z.object({ dataset: Name })
const VersionNumber = z.union([z.literal('latest'), z.coerce.number().int().min(1)])
const VersionPath = z.object({ dataset: Name, version: VersionNumber })
const Offset = z.coerce.number().int().min(0).default(0)
const Limit = z.coerce.number().int().min(1).max(1000).default(100)

export const data = {
  listDatasets: endpoint({
    method: 'GET',
    path: '/api/v1/datasets',
    tag,
    summary: 'All datasets with their latest version',
    permission: 'data.read',
    reply: z.object({ datasets: z.array(Dataset) }),
  }),
  defineDataset: endpoint({
    method: 'POST',
    path: '/api/v1/datasets',
    tag,
    summary: 'Declare a dataset, or change its declaration (not its key nor a column’s type)',
    permission: 'data.write',
    body: DatasetDefinition,
    reply: Dataset,
  }),
  getDataset: endpoint({
    method: 'GET',
    path: '/api/v1/datasets/:dataset',
    tag,
    summary: 'One dataset',
    permission: 'data.read',
    params: DatasetPath,
    reply: Dataset,
  }),
  appendRows: endpoint({
    method: 'POST',
    path: '/api/v1/datasets/:dataset/versions',
    tag,
    summary: 'Append a batch of rows: a new version when it brings anything new',
    permission: 'data.write',
    params: DatasetPath,
    body: z.strictObject({
      mode: z.literal('append').default('append'),
      rows: z.array(z.record(z.string(), Json)).min(1),
      source: z.string().default('').describe('Where this batch comes from, in words'),
    }),
    reply: BatchResult,
  }),
  listVersions: endpoint({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions',
    tag,
    summary: 'Versions of a dataset, newest first',
    permission: 'data.read',
    params: DatasetPath,
    query: z.object({ offset: Offset, limit: Limit }),
    reply: z.object({ versions: z.array(DatasetVersion), total: z.int() }),
  }),
  getVersion: endpoint({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions/:version',
    tag,
    summary: 'One version; `latest` is a version too',
    permission: 'data.read',
    params: VersionPath,
    reply: DatasetVersion,
  }),
  listRows: endpoint({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions/:version/rows',
    tag,
    summary: 'Rows of a version, in order of event time and key unless said',
    permission: 'data.read',
    params: VersionPath,
    query: z.object({
      offset: Offset,
      limit: Limit,
      orderBy: z.string().optional(),
      direction: z.enum(['asc', 'desc']).default('asc'),
    }),
    reply: z.object({ columns: z.array(z.string()), rows: z.array(z.record(z.string(), Json)), total: z.int() }),
  }),
  getProfile: endpoint({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions/:version/profile',
    tag,
    summary: 'Types, missing values, distributions and frequent values of a version',
    permission: 'data.read',
    params: VersionPath,
    reply: DatasetProfile,
  }),
  listQuarantine: endpoint({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/quarantine',
    tag,
    summary: 'Rows that the quality gate keeps out, with the reason of each',
    permission: 'data.read',
    params: DatasetPath,
    query: z.object({
      offset: Offset,
      limit: Limit,
      rule: z.string().optional(),
      state: z.enum(['quarantined', 'released', 'discarded']).default('quarantined'),
    }),
    reply: z.object({ summary: z.array(QuarantineSummary), rows: z.array(QuarantinedRow), total: z.int() }),
  }),
  settleQuarantine: endpoint({
    method: 'POST',
    path: '/api/v1/datasets/:dataset/quarantine/decision',
    tag,
    summary: 'Release quarantined rows into a new version, or discard them, with a reason',
    permission: 'data.write',
    params: DatasetPath,
    body: z.strictObject({
      ids: z.array(z.int()).min(1),
      decision: z.enum(['release', 'discard']),
      reason: z.string().min(3),
    }),
    reply: z.object({ rows: z.int(), version: DatasetVersion.nullable() }),
  }),
} as const
