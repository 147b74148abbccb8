import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { ArtifactFile } from './experiments.ts'
import { Digest, Id, Instant } from './values.ts'

const tag = 'imports'

// PostgreSQL keeps no NUL in text; what has one is refused here, by name, rather than by the database.
const text = (most: number) =>
  z
    .string()
    .max(most)
    .refine((value) => !value.includes('\0'), 'Text may not contain the character NUL.')
const Key = text(500).min(1)
const Pair = z.object({ key: Key, value: text(1_000_000) })
const Pairs = z.array(Pair).max(20_000)
/** Milliseconds since 1970. */
const Ms = z.int().min(0)
const Lifecycle = z.enum(['active', 'deleted'])
const RunId = z.string().regex(/^[0-9a-f]{32}$/, 'A run id is 32 hex digits.')
const LoggedModelId = z.string().regex(/^m-[0-9a-f]{32}$/, 'The id of a logged model is "m-" and 32 hex digits.')
const Uri = text(2_000)

/** What tells one state of a thing from another, made and compared by the importer alone. */
const Stamp = z.string().regex(/^[0-9a-f]{64}$/)

/** The kinds of things that an import carries; each has its own ids. */
export const ImportKind = z.enum(['experiment', 'run', 'loggedModel', 'registeredModel', 'files'])
export type ImportKind = z.infer<typeof ImportKind>

/** Where files lie: in this platform's own artifact tree, or still at an address that only the client can open. */
const Artifacts = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('here') }),
  z.object({ kind: z.literal('elsewhere'), uri: Uri }),
])

const Marks = {
  stamp: Stamp,
  /** SHA-256 over the content as the importer read it at its source, by the rule of docs/import.md. */
  digest: Digest,
}

export const ImportedExperiment = z.object({
  id: z.string().regex(/^\d{1,19}$/),
  name: text(500).min(1),
  lifecycle: Lifecycle,
  createdMs: Ms,
  updatedMs: Ms,
  tags: Pairs,
  ...Marks,
})
export type ImportedExperiment = z.infer<typeof ImportedExperiment>

/** Points of one metric as columns of equal length. JSON has no NaN: null stands for it. */
const Series = z
  .object({
    key: Key,
    at: z.array(z.int()),
    step: z.array(z.int()),
    value: z.array(z.number().nullable()),
  })
  .refine(
    ({ at, step, value }) => at.length === step.length && at.length === value.length,
    'at, step and value must be equally long.',
  )

const Input = z.object({
  name: text(500).min(1),
  digest: text(100).min(1),
  sourceType: text(100),
  source: text(1_000_000),
  schema: text(20_000_000).nullable(),
  profile: text(20_000_000).nullable(),
  tags: Pairs,
})

export const ImportedRun = z.object({
  id: RunId,
  /** Of the source: the platform knows which of its own it became. */
  experiment: z.string().regex(/^\d{1,19}$/),
  name: text(8_000),
  user: text(500),
  status: z.enum(['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED']),
  startMs: z.int(),
  endMs: z.int().nullable(),
  lifecycle: Lifecycle,
  artifacts: Artifacts,
  parameters: Pairs,
  tags: Pairs,
  inputs: z.array(Input).max(10_000),
  models: z.array(z.object({ role: z.enum(['input', 'output']), model: text(100).min(1), step: z.int() })).max(10_000),
  metrics: z.array(Series).max(100_000),
  /** Of a history that is too long for one request, only the last part completes the run. */
  part: z.enum(['whole', 'more follows', 'last']).default('whole'),
  ...Marks,
})
export type ImportedRun = z.infer<typeof ImportedRun>

export const ImportedLoggedModel = z.object({
  id: LoggedModelId,
  experiment: z.string().regex(/^\d{1,19}$/),
  name: text(500).min(1),
  status: z.enum([
    'LOGGED_MODEL_STATUS_UNSPECIFIED',
    'LOGGED_MODEL_PENDING',
    'LOGGED_MODEL_READY',
    'LOGGED_MODEL_UPLOAD_FAILED',
  ]),
  modelType: text(500),
  sourceRun: text(100),
  lifecycle: Lifecycle,
  createdMs: Ms,
  updatedMs: Ms,
  artifacts: Artifacts,
  tags: Pairs,
  parameters: Pairs,
  metrics: z
    .array(
      z.object({
        key: Key,
        value: z.number().nullable(),
        atMs: z.int(),
        step: z.int(),
        run: text(100),
        datasetName: text(500),
        datasetDigest: text(100),
      }),
    )
    .max(1_000_000),
  ...Marks,
})
export type ImportedLoggedModel = z.infer<typeof ImportedLoggedModel>

const ImportedVersion = z.object({
  version: z.int().min(1).max(999_999_999),
  description: text(100_000),
  /** As a client asks for it: with the addresses of this platform where the files came over. */
  source: Uri,
  files: z.discriminatedUnion('kind', [
    /** Below the artifacts of an imported run or logged model; frozen as soon as they are complete. */
    z.object({ kind: z.literal('run'), id: RunId, path: text(1_000), complete: z.boolean() }),
    z.object({ kind: z.literal('loggedModel'), id: LoggedModelId, path: text(1_000), complete: z.boolean() }),
    z.object({ kind: z.literal('elsewhere'), uri: Uri }),
    z.object({ kind: z.literal('none') }),
  ]),
  run: text(100),
  loggedModel: text(100),
  runLink: text(1_000),
  stage: z.enum(['None', 'Staging', 'Production', 'Archived']),
  user: text(500),
  createdMs: Ms,
  updatedMs: Ms,
  tags: Pairs,
})
export type ImportedVersion = z.infer<typeof ImportedVersion>

export const ImportedModel = z.object({
  name: text(256).min(1),
  description: text(100_000),
  createdMs: Ms,
  updatedMs: Ms,
  /** The greatest number ever given, deleted versions included. */
  lastVersion: z.int().min(0).max(999_999_999),
  tags: Pairs,
  versions: z.array(ImportedVersion).max(20_000),
  aliases: z.array(z.object({ alias: text(255).min(1), version: z.int().min(1) })).max(20_000),
  ...Marks,
})
export type ImportedModel = z.infer<typeof ImportedModel>

/** What became of one thing. */
export const ImportOutcome = z.object({
  id: z.string(),
  /** Its id here, where that is another. */
  as: z.string(),
  outcome: z.enum(['imported', 'updated', 'unchanged', 'skipped']),
  reason: z.string().nullable(),
})
export type ImportOutcome = z.infer<typeof ImportOutcome>

/** A row of the table at the end: things of one kind. */
export const ImportCount = z.object({
  kind: z.string().max(50),
  source: z.int().min(0),
  imported: z.int().min(0),
  updated: z.int().min(0),
  unchanged: z.int().min(0),
  skipped: z.int().min(0),
  mismatched: z.int().min(0),
})
export type ImportCount = z.infer<typeof ImportCount>

export const Import = z
  .object({
    id: Id,
    source: z.string(),
    state: z.enum(['running', 'finished']),
    startedAt: Instant,
    finishedAt: Instant.nullable(),
    counts: z.array(ImportCount),
  })
  .meta({ id: 'Import' })
export type Import = z.infer<typeof Import>

/** The run or logged model whose files are meant. */
export const ImportOwner = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('run'), id: RunId }),
  z.object({ kind: z.literal('loggedModel'), id: LoggedModelId }),
])
export type ImportOwner = z.infer<typeof ImportOwner>

const params = z.object({ import: Id })
const Outcomes = z.object({ items: z.array(ImportOutcome) })
const permission = 'experiments.write'

/** How another tracking server's content comes in: by a program that reads it there and gives it here, in pieces that may be given again. */
export const imports = {
  startImport: endpoint({
    method: 'POST',
    path: '/api/v1/imports',
    tag,
    summary: 'Starts an import, or goes on with the unfinished one of the same source',
    permission,
    body: z.object({ source: text(1_000).min(1).describe('A name for the place it comes from, without passwords') }),
    reply: Import.extend({ resumed: z.boolean() }),
  }),
  listImports: endpoint({
    method: 'GET',
    path: '/api/v1/imports',
    tag,
    summary: 'Imports, newest first, with their counts',
    permission: 'experiments.read',
    reply: z.object({ imports: z.array(Import) }),
  }),
  knownItems: endpoint({
    method: 'POST',
    path: '/api/v1/imports/:import/known',
    tag,
    summary: 'Of these ids, what was imported before and found good',
    permission,
    params,
    body: z.object({ kind: ImportKind, ids: z.array(z.string().max(300)).max(10_000) }),
    reply: z.object({
      items: z.array(z.object({ id: z.string(), as: z.string(), stamp: z.string(), digest: z.string() })),
    }),
  }),
  importExperiments: endpoint({
    method: 'POST',
    path: '/api/v1/imports/:import/experiments',
    tag,
    summary: 'Gives experiments; each keeps its id where that is free, and joins one of its name where there is one',
    permission,
    params,
    body: z.object({ experiments: z.array(ImportedExperiment).max(1_000) }),
    reply: Outcomes,
  }),
  importRuns: endpoint({
    method: 'POST',
    path: '/api/v1/imports/:import/runs',
    tag,
    summary: 'Gives runs with their whole content; one that is there gains what it lacks',
    permission,
    params,
    body: z.object({ runs: z.array(ImportedRun).max(1_000) }),
    reply: Outcomes,
  }),
  importLoggedModels: endpoint({
    method: 'POST',
    path: '/api/v1/imports/:import/logged-models',
    tag,
    summary: 'Gives logged models',
    permission,
    params,
    body: z.object({ models: z.array(ImportedLoggedModel).max(1_000) }),
    reply: Outcomes,
  }),
  importFiles: endpoint({
    method: 'POST',
    path: '/api/v1/imports/:import/files',
    tag,
    summary: 'The files below runs and logged models as they lie here; upload missing ones through the artifact proxy',
    permission,
    params,
    body: z.object({ owners: z.array(ImportOwner).max(1_000) }),
    reply: z.object({
      folders: z.array(
        z.object({
          id: z.string(),
          /** In the artifact tree; null when the owner is not here or keeps its files elsewhere. */
          path: z.string().nullable(),
          files: z.array(ArtifactFile),
        }),
      ),
    }),
  }),
  noteFiles: endpoint({
    method: 'POST',
    path: '/api/v1/imports/:import/files/note',
    tag,
    summary: 'Notes that the files of an owner came over as the source has them',
    permission,
    params,
    body: z.object({ id: z.string().max(300), ...Marks }),
    reply: z.object({}),
  }),
  importModels: endpoint({
    method: 'POST',
    path: '/api/v1/imports/:import/models',
    tag,
    summary: 'Gives registered models with versions and aliases; numbers stay, files are frozen, nothing is rolled out',
    permission: 'registry.write',
    params,
    body: z.object({ models: z.array(ImportedModel).max(100) }),
    reply: z.object({
      items: z.array(
        ImportOutcome.extend({
          versions: z.array(ImportOutcome),
          aliases: z.array(ImportOutcome),
        }),
      ),
    }),
  }),
  checkItems: endpoint({
    method: 'POST',
    path: '/api/v1/imports/:import/check',
    tag,
    summary: 'SHA-256 over what stands here now, read back from the tables; equal ones count as good from then on',
    permission,
    params,
    body: z.object({ kind: ImportKind.exclude(['files']), ids: z.array(z.string().max(300)).max(1_000) }),
    reply: z.object({ items: z.array(z.object({ id: z.string(), digest: z.string().nullable() })) }),
  }),
  finishImport: endpoint({
    method: 'POST',
    path: '/api/v1/imports/:import/finish',
    tag,
    summary: 'Ends an import with its counts',
    permission,
    params,
    body: z.object({ counts: z.array(ImportCount).max(30) }),
    reply: Import,
  }),
} as const
