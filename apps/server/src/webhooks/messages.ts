import {
  aliasRemoved,
  aliasSet,
  type EventRecord,
  type EventType,
  modelCreated,
  modelTagRemoved,
  modelTagSet,
  versionRegistered,
  versionTagRemoved,
  versionTagSet,
} from '@tidemark/contracts'
import type { z } from 'zod'
import type { Message, Topic } from './types.ts'

// Of a prompt's tags these say only that it is one; its text travels as `template`.
const PROMPT_TAGS: readonly string[] = ['mlflow.prompt.is_prompt', '_mlflow_prompt_type']
const PROMPT_TEXT = 'mlflow.prompt.text'

function withoutTags(tags: Readonly<Record<string, string>>, left: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !left.includes(key)))
}

type Translation = readonly [type: string, translate: (payload: unknown) => Message | null]

function of<P extends z.ZodType>(type: EventType<P>, translate: (payload: z.output<P>) => Message | null): Translation {
  return [type.type, (payload) => translate(type.payload.parse(payload))]
}

const TRANSLATIONS = new Map<string, (payload: unknown) => Message | null>([
  of(modelCreated, ({ model: name, tags, description, prompt }) =>
    prompt
      ? { topic: 'prompt.created', data: { name, tags: withoutTags(tags, PROMPT_TAGS), description } }
      : { topic: 'registered_model.created', data: { name, tags, description } },
  ),
  // MLflow tells tags of prompts only.
  of(modelTagSet, ({ model: name, key, value, prompt }) =>
    prompt ? { topic: 'prompt_tag.set', data: { name, key, value } } : null,
  ),
  of(modelTagRemoved, ({ model: name, key, prompt }) =>
    prompt ? { topic: 'prompt_tag.deleted', data: { name, key } } : null,
  ),
  of(versionRegistered, ({ model: name, version, source, mlflowRun, tags, description, prompt }) => {
    const about = { name, version: String(version) }
    if (!prompt) {
      const data = { ...about, source, run_id: mlflowRun, tags, description: description || null }
      return { topic: 'model_version.created', data }
    }
    const template = tags[PROMPT_TEXT] ?? null
    const others = withoutTags(tags, [...PROMPT_TAGS, PROMPT_TEXT])
    const data = { ...about, template, tags: others, description: description || null }
    return { topic: 'prompt_version.created', data }
  }),
  of(versionTagSet, ({ model: name, version, key, value, prompt }) => ({
    topic: prompt ? 'prompt_version_tag.set' : 'model_version_tag.set',
    data: { name, version: String(version), key, value },
  })),
  of(versionTagRemoved, ({ model: name, version, key, prompt }) => ({
    topic: prompt ? 'prompt_version_tag.deleted' : 'model_version_tag.deleted',
    data: { name, version: String(version), key },
  })),
  of(aliasSet, ({ model: name, alias, version, prompt }) => ({
    topic: prompt ? 'prompt_alias.created' : 'model_version_alias.created',
    data: { name, alias, version: String(version) },
  })),
  of(aliasRemoved, ({ model: name, alias, prompt }) => ({
    topic: prompt ? 'prompt_alias.deleted' : 'model_version_alias.deleted',
    data: { name, alias },
  })),
])

/** What receivers are told of an event, in MLflow's form; null when nobody is told of it. */
export function messageOf(event: Pick<EventRecord, 'type' | 'payload'>): Message | null {
  return TRANSLATIONS.get(event.type)?.(event.payload) ?? null
}

/** The body that is sent and signed. MLflow names the workspace where there are several. */
export function bodyOf(message: Message, at: Date, workspace: string): string {
  const [entity, action] = message.topic.split('.')
  return JSON.stringify({
    entity,
    action,
    timestamp: at.toISOString().replace('Z', '+00:00'),
    data: message.data,
    ...(workspace === 'default' ? {} : { workspace }),
  })
}

/** An example of each message, for trying a webhook out: the values that MLflow sends. */
export function exampleOf(topic: Topic): Message {
  const name = topic.startsWith('prompt') ? 'example_prompt' : 'example_model'
  const tags = { example_key: 'example_value' }
  const tag = { key: 'example_key', value: 'example_value' }
  const alias = 'example_alias'
  const version = '1'
  const examples: Readonly<Record<Topic, Message['data']>> = {
    'registered_model.created': { name, tags, description: 'An example registered model' },
    'model_version.created': {
      ...{ name, version, source: 'models:/123', run_id: 'abcd1234abcd5678', tags },
      description: 'An example model version',
    },
    'model_version_tag.set': { name, version, ...tag },
    'model_version_tag.deleted': { name, version, key: tag.key },
    'model_version_alias.created': { name, alias, version },
    'model_version_alias.deleted': { name, alias },
    'prompt.created': { name, tags, description: 'An example prompt' },
    'prompt_version.created': {
      ...{ name, version, template: 'Hello {{name}}!', tags },
      description: 'An example prompt version',
    },
    'prompt_tag.set': { name, ...tag },
    'prompt_tag.deleted': { name, key: tag.key },
    'prompt_version_tag.set': { name, version, ...tag },
    'prompt_version_tag.deleted': { name, version, key: tag.key },
    'prompt_alias.created': { name, alias, version },
    'prompt_alias.deleted': { name, alias },
    'budget_policy.exceeded': {
      ...{ budget_policy_id: 'bp-abc123', budget_unit: 'USD', budget_amount: 100, current_spend: 105.5 },
      ...{ duration_unit: 'MONTHS', duration_value: 1, target_scope: 'ENDPOINT', workspace: 'default' },
      ...{ target_value: 'ep-abc123', window_start: 1704067200000 },
    },
  }
  return { topic, data: examples[topic] }
}
