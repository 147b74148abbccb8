import type { Dialect, Entity } from './filter.ts'

const TAGS = { tag: 'tag', tags: 'tag' } as const satisfies Record<string, Entity>
const ATTRIBUTES = { attribute: 'attribute', attributes: 'attribute', attr: 'attribute', run: 'attribute' } as const
const TRACKED = {
  metric: 'metric',
  metrics: 'metric',
  parameter: 'parameter',
  parameters: 'parameter',
  param: 'parameter',
  params: 'parameter',
  ...TAGS,
  ...ATTRIBUTES,
} as const satisfies Record<string, Entity>

const text = (column: string) => ({ column, type: 'text' }) as const
const number = (column: string) => ({ column, type: 'number' }) as const
const listed = (column: string) => ({ column, type: 'text', list: true }) as const

export const RUNS: Dialect = {
  entities: { ...TRACKED, dataset: 'dataset', datasets: 'dataset' },
  attributes: {
    run_id: listed('run_id'),
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
  },
  sortable: ['artifact_uri', 'end_time', 'run_id', 'run_name', 'start_time', 'status', 'user_id'],
  nullable: ['parameter', 'tag'],
}

export const EXPERIMENTS: Dialect = {
  entities: { ...TAGS, attribute: 'attribute' },
  attributes: {
    name: text('name'),
    experiment_id: listed('experiment_id'),
    creation_time: number('creation_time'),
    last_update_time: number('last_update_time'),
  },
  sortable: ['name', 'experiment_id', 'creation_time', 'last_update_time'],
  nullable: ['tag'],
}

export const LOGGED_MODELS: Dialect = {
  entities: TRACKED,
  attributes: {
    name: listed('name'),
    model_id: listed('model_id'),
    model_type: text('model_type'),
    status: text('status'),
    source_run_id: listed('source_run_id'),
    creation_time: number('creation_timestamp_ms'),
    creation_timestamp: number('creation_timestamp_ms'),
    creation_timestamp_ms: number('creation_timestamp_ms'),
    last_updated_timestamp: number('last_updated_timestamp_ms'),
    last_updated_timestamp_ms: number('last_updated_timestamp_ms'),
  },
  sortable: [
    'name',
    'model_id',
    'model_type',
    'status',
    'source_run_id',
    'creation_timestamp_ms',
    'last_updated_timestamp_ms',
  ],
  nullable: [],
}

export const REGISTERED_MODELS: Dialect = {
  entities: { ...TAGS, ...ATTRIBUTES },
  attributes: {
    name: listed('name'),
    timestamp: number('last_updated_timestamp'),
    last_updated_timestamp: number('last_updated_timestamp'),
  },
  sortable: ['name', 'last_updated_timestamp'],
  nullable: [],
}

export const MODEL_VERSIONS: Dialect = {
  entities: { ...TAGS, ...ATTRIBUTES },
  attributes: {
    name: listed('name'),
    run_id: listed('run_id'),
    source_path: text('source'),
    version_number: number('version'),
    creation_timestamp: number('creation_timestamp'),
    last_updated_timestamp: number('last_updated_timestamp'),
  },
  sortable: ['name', 'version', 'creation_timestamp', 'last_updated_timestamp'],
  nullable: [],
}

export const EVALUATION_DATASETS: Dialect = {
  entities: { tags: 'tag' },
  attributes: {
    name: listed('name'),
    created_time: number('created_time'),
    last_update_time: number('last_update_time'),
    created_by: text('created_by'),
    last_updated_by: text('last_updated_by'),
  },
  sortable: ['name', 'created_time', 'last_update_time'],
  nullable: [],
}
