import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { ArtifactFile, Origin } from './experiments.ts'
import { InputColumn } from './gateway.ts'
import { ActorRef, Instant } from './values.ts'

const tag = 'registry'
const Tags = z.record(z.string(), z.string())
const ModelName = z.string().min(1).max(256)
const VersionNumber = z.coerce.number().int().min(1)
export const Alias = z
  .string()
  .regex(/^[\w-]{1,255}$/, 'An alias has 1–255 letters, digits, "_" or "-".')
  .refine((alias) => !/^(latest|v\d+)$/i.test(alias), '"latest" and "v" with a number are reserved.')

export const VersionSummary = z
  .object({
    model: z.string(),
    version: z.int(),
    description: z.string(),
    tags: Tags,
    aliases: z.array(z.string()),
    runId: z.string().nullable(),
    source: z.string(),
    status: z.enum(['PENDING_REGISTRATION', 'READY', 'FAILED_REGISTRATION']),
    user: z.string(),
    createdAt: Instant,
  })
  .meta({ id: 'VersionSummary' })
export type VersionSummary = z.infer<typeof VersionSummary>

export const RegisteredModelSummary = z
  .object({
    name: z.string(),
    description: z.string(),
    tags: Tags,
    versions: z.int(),
    latestVersion: z.int().nullable(),
    aliases: z.record(z.string(), z.int()),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'RegisteredModelSummary' })
export type RegisteredModelSummary = z.infer<typeof RegisteredModelSummary>

/** Who pointed an alias where, from when on. `version` null: removed. */
export const AliasChange = z
  .object({
    alias: z.string(),
    version: z.int().nullable(),
    previousVersion: z.int().nullable(),
    by: ActorRef,
    at: Instant,
  })
  .meta({ id: 'AliasChange' })
export type AliasChange = z.infer<typeof AliasChange>

export const RegisteredModel = RegisteredModelSummary.omit({ versions: true })
  .extend({
    /** Newest first. */
    versions: z.array(VersionSummary),
    /** Newest first. */
    aliasHistory: z.array(AliasChange),
  })
  .meta({ id: 'RegisteredModel' })
export type RegisteredModel = z.infer<typeof RegisteredModel>

export const RegisteredVersion = VersionSummary.extend({
  /** Content address of the list of files; null when the version has none. */
  digest: z.string().nullable(),
  files: z.array(ArtifactFile),
  /** Input columns of the model's signature; null when it was logged without one. */
  signature: z.array(InputColumn).nullable(),
  flavors: z.array(z.string()),
  run: z.object({ id: z.string(), name: z.string(), experimentId: z.string(), tags: Tags }).nullable(),
  origin: Origin,
  metrics: z.array(z.object({ key: z.string(), value: z.number().nullable() })),
}).meta({ id: 'RegisteredVersion' })
export type RegisteredVersion = z.infer<typeof RegisteredVersion>

export const registry = {
  listModels: endpoint({
    method: 'GET',
    path: '/api/v1/models',
    tag,
    summary: 'Registered models by name',
    permission: 'registry.read',
    query: z.object({
      search: z.string().max(256).default(''),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
    reply: z.object({ models: z.array(RegisteredModelSummary) }),
  }),
  getModel: endpoint({
    method: 'GET',
    path: '/api/v1/models/:model',
    tag,
    summary: 'One model with its versions, aliases and who moved them',
    permission: 'registry.read',
    params: z.object({ model: ModelName }),
    reply: RegisteredModel,
  }),
  getVersion: endpoint({
    method: 'GET',
    path: '/api/v1/models/:model/versions/:version',
    tag,
    summary:
      'One version: files, signature, run and origin; download a file at /model-versions/get-artifact?name=M&version=V&path=PATH',
    permission: 'registry.read',
    params: z.object({ model: ModelName, version: VersionNumber }),
    reply: RegisteredVersion,
  }),
  aliasAt: endpoint({
    method: 'GET',
    path: '/api/v1/models/:model/aliases/:alias',
    tag,
    summary: 'Where an alias points, now or at a past instant',
    permission: 'registry.read',
    params: z.object({ model: ModelName, alias: z.string() }),
    query: z.object({ at: Instant.optional() }),
    reply: z.object({ model: z.string(), alias: z.string(), version: z.int().nullable(), since: Instant.nullable() }),
  }),
  aliasHistory: endpoint({
    method: 'GET',
    path: '/api/v1/models/:model/aliases/:alias/history',
    tag,
    summary: 'Where an alias has pointed since when, and who pointed it there; the newest first',
    permission: 'registry.read',
    params: z.object({ model: ModelName, alias: z.string() }),
    query: z.object({ limit: z.coerce.number().int().min(1).max(10_000).default(1000) }),
    reply: z.object({ model: z.string(), alias: z.string(), changes: z.array(AliasChange) }),
  }),
  setAlias: endpoint({
    method: 'PUT',
    path: '/api/v1/models/:model/aliases/:alias',
    tag,
    summary: 'Points an alias to a version',
    permission: 'registry.write',
    params: z.object({ model: ModelName, alias: Alias }),
    body: z.object({ version: VersionNumber }),
    reply: z.object({ model: z.string(), alias: z.string(), version: z.int(), previousVersion: z.int().nullable() }),
  }),
} as const
