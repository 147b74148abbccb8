import type { Attribute, Dialect, Entity } from './clauses.ts'
import { DATASET_WORDS, EXPERIMENT_WORDS, LOGGED_MODEL_WORDS, MODEL_WORDS, RUN_WORDS, VERSION_WORDS } from './words.ts'

const NUMBER = ['=', '!=', '<', '<=', '>', '>='] as const
const TEXT = ['=', '!=', 'LIKE', 'ILIKE'] as const
const LISTED = [...TEXT, 'IN', 'NOT IN'] as const

const text = (column: string): Attribute => ({ column, type: 'text' })
const number = (column: string): Attribute => ({ column, type: 'number' })

const RUN_ATTRIBUTES = {
  run_id: text('run_id'),
  run_name: text('run_name'),
  'run name': text('run_name'),
  'Run name': text('run_name'),
  'Run Name': text('run_name'),
  status: text('status'),
  user_id: text('user_id'),
  artifact_uri: text('artifact_uri'),
  start_time: number('start_time'),
  created: number('start_time'),
  Created: number('start_time'),
  end_time: number('end_time'),
}

export const RUNS: Dialect = {
  entities: {
    metric: 'metric',
    metrics: 'metric',
    parameter: 'parameter',
    parameters: 'parameter',
    param: 'parameter',
    params: 'parameter',
    tag: 'tag',
    tags: 'tag',
    attribute: 'attribute',
    attributes: 'attribute',
    attr: 'attribute',
    run: 'attribute',
    dataset: 'dataset',
    datasets: 'dataset',
  },
  attributes: RUN_ATTRIBUTES,
  sortable: {
    ...names('artifact_uri', 'end_time', 'run_id', 'run_name', 'start_time', 'status', 'user_id'),
    created: 'start_time',
    Created: 'start_time',
  },
  sortEntities: ['metric', 'parameter', 'tag', 'attribute'],
  repeatedSortKeys: false,
  nullable: ['parameter', 'tag'],
  operators: ({ of, type, key }) => (type === 'number' ? NUMBER : of === 'dataset' || key === 'run_id' ? LISTED : TEXT),
  numbersAsText: false,
  words: RUN_WORDS,
}

/** Experiments and the registry name two entities alone, and not in all the ways that runs do. */
const FEW: Readonly<Record<string, Entity>> = { attribute: 'attribute', tag: 'tag', tags: 'tag' }

export const EXPERIMENTS: Dialect = {
  entities: FEW,
  attributes: {
    name: text('name'),
    experiment_id: text('experiment_id'),
    creation_time: number('creation_time'),
    last_update_time: number('last_update_time'),
  },
  sortable: names('name', 'experiment_id', 'creation_time', 'last_update_time'),
  sortEntities: ['attribute'],
  repeatedSortKeys: true,
  nullable: ['tag'],
  operators: ({ type, key }) =>
    type === 'number' ? NUMBER : key === 'experiment_id' ? ['=', '!=', 'IN', 'NOT IN'] : TEXT,
  numbersAsText: false,
  words: EXPERIMENT_WORDS,
}

export const LOGGED_MODELS: Dialect = {
  entities: { metrics: 'metric', params: 'parameter', tags: 'tag', attributes: 'attribute' },
  attributes: {
    name: text('name'),
    model_id: text('model_id'),
    model_type: text('model_type'),
    status: text('status'),
    source_run_id: text('source_run_id'),
    experiment_id: text('experiment_id'),
    creation_time: number('creation_timestamp_ms'),
    creation_timestamp: number('creation_timestamp_ms'),
    creation_timestamp_ms: number('creation_timestamp_ms'),
    last_updated_timestamp: number('last_updated_timestamp_ms'),
    last_updated_timestamp_ms: number('last_updated_timestamp_ms'),
  },
  sortable: {},
  sortEntities: [],
  repeatedSortKeys: true,
  nullable: [],
  operators: ({ type }) => (type === 'number' ? NUMBER : LISTED),
  numbersAsText: false,
  words: LOGGED_MODEL_WORDS,
}

export const REGISTERED_MODELS: Dialect = {
  entities: FEW,
  attributes: { name: text('name') },
  sortable: { name: 'name', timestamp: 'last_updated_timestamp', last_updated_timestamp: 'last_updated_timestamp' },
  sortEntities: ['attribute'],
  repeatedSortKeys: false,
  nullable: [],
  operators: ({ of }) => (of === 'attribute' ? LISTED : TEXT),
  numbersAsText: false,
  words: MODEL_WORDS,
}

export const MODEL_VERSIONS: Dialect = {
  entities: FEW,
  attributes: {
    name: text('name'),
    run_id: text('run_id'),
    source_path: text('source'),
    version_number: number('version'),
  },
  sortable: {
    ...names('name', 'creation_timestamp', 'last_updated_timestamp'),
    version_number: 'version',
  },
  sortEntities: ['attribute'],
  repeatedSortKeys: false,
  nullable: [],
  operators: ({ of, type, key }) =>
    type === 'number' ? NUMBER : of === 'attribute' && key !== 'source' ? LISTED : TEXT,
  numbersAsText: true,
  words: VERSION_WORDS,
}

export const EVALUATION_DATASETS: Dialect = {
  entities: { tags: 'tag' },
  attributes: {
    name: text('name'),
    created_time: number('created_time'),
    last_update_time: number('last_update_time'),
    created_by: text('created_by'),
    last_updated_by: text('last_updated_by'),
  },
  sortable: names('name', 'created_time', 'last_update_time'),
  sortEntities: ['attribute'],
  repeatedSortKeys: false,
  nullable: [],
  operators: ({ of, type, key }) => (type === 'number' ? NUMBER : of === 'attribute' && key === 'name' ? LISTED : TEXT),
  numbersAsText: false,
  words: DATASET_WORDS,
}

/** Keys whose name inside is the one asked. */
function names(...list: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(list.map((name) => [name, name]))
}
