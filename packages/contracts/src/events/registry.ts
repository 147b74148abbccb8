import { z } from 'zod'
import { Digest, Id, Name } from '../values.ts'
import { defineEvent, Version } from './define.ts'

/** A model or version that is a prompt says so. */
const prompt = z.boolean().default(false)
const Tags = z.record(z.string(), z.string())
export const modelCreated = defineEvent(
  'registry.model_created',
  z.object({ model: z.string(), description: z.string(), tags: Tags, prompt }),
  (p) => `model:${p.model}`,
  (p) => `${p.prompt ? 'Prompt' : 'Model'} ${p.model} created`,
)
export const modelTagSet = defineEvent(
  'registry.model_tag_set',
  z.object({ model: z.string(), key: z.string(), value: z.string(), prompt }),
  (p) => `model:${p.model}`,
  (p) => `Tag ${p.key} of ${p.model} set`,
)
export const modelTagRemoved = defineEvent(
  'registry.model_tag_removed',
  z.object({ model: z.string(), key: z.string(), prompt }),
  (p) => `model:${p.model}`,
  (p) => `Tag ${p.key} of ${p.model} removed`,
)
export const versionTagSet = defineEvent(
  'registry.version_tag_set',
  Version.extend({ key: z.string(), value: z.string(), prompt }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Tag ${p.key} of ${p.model}/${p.version} set`,
)
export const versionTagRemoved = defineEvent(
  'registry.version_tag_removed',
  Version.extend({ key: z.string(), prompt }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `Tag ${p.key} of ${p.model}/${p.version} removed`,
)
export const versionRegistered = defineEvent(
  'registry.version_registered',
  Version.extend({
    mlflowRun: z.string().nullable(),
    digest: Digest.nullable(),
    // As they were asked for: a receiver of webhooks is told of this moment, not of what became of it.
    source: z.string().default(''),
    description: z.string().default(''),
    tags: Tags.default({}),
    prompt,
  }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} registered`,
)
export const candidateRegistered = defineEvent(
  'registry.candidate_registered',
  Version.extend({ endpoint: Name, pipelineRun: Id }),
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} is a candidate for endpoint ${p.endpoint}`,
)
export const aliasSet = defineEvent(
  'registry.alias_set',
  Version.extend({ alias: z.string(), previousVersion: z.int().nullable(), prompt }),
  (p) => `model:${p.model}`,
  (p) =>
    `Alias ${p.alias} of ${p.model} points to ${p.version}${p.previousVersion ? `, before to ${p.previousVersion}` : ''}`,
)

export const aliasRemoved = defineEvent(
  'registry.alias_removed',
  z.object({ model: z.string(), alias: z.string(), previousVersion: z.int(), prompt }),
  (p) => `model:${p.model}`,
  (p) => `Alias ${p.alias} of ${p.model} removed, before it pointed to ${p.previousVersion}`,
)
export const versionDeleted = defineEvent(
  'registry.version_deleted',
  Version,
  (p) => `model-version:${p.model}/${p.version}`,
  (p) => `${p.model}/${p.version} deleted; its number and its files stay its own`,
)

/** Models, versions, tags and aliases. Prompts ride on the registry: a model or version that is one says so. */
export const REGISTRY_EVENTS = [
  modelCreated,
  modelTagSet,
  modelTagRemoved,
  versionTagSet,
  versionTagRemoved,
  versionRegistered,
  candidateRegistered,
  aliasSet,
  aliasRemoved,
  versionDeleted,
] as const
