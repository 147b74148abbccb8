import type { Named, Words } from './clauses.ts'
import { pythonList, pythonSet, pythonText, pythonTuple } from './python.ts'

// What MLflow says of a filter that it refuses. Clients match on some of it, so each kind of thing keeps the words, quotes and slips of its own.

const cut = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text)
const invalidKey = (keys: readonly string[]) => (key: string) =>
  `Invalid attribute key '${cut(key)}' specified. Valid keys are '${pythonSet(keys)}'`
const quotedValue = (named: Named, value: string) =>
  `Expected a quoted string value for ${named.of} (e.g. 'my-value'). Got value ${cut(value)}`
const onlyLists = (keys: readonly string[]) =>
  `Only ${pythonList(keys)} attributes support comparison with a list of quoted string values.`
const numeric = (named: Named, value: string) => {
  const what = named.of === 'metric' ? 'metric' : `numeric attribute: ${named.asked}`
  return `Expected numeric value type for ${what}. Found ${cut(value)}`
}

const COMMON = {
  blank: (filter: string) => `Invalid filter ${pythonText(cut(filter))}. Could not be parsed.`,
  several: (filter: string) =>
    `Search filter contained multiple expression ${pythonText(cut(filter))}. Provide AND-ed expression list.`,
}

const NUMBERS = ['=', '!=', '<', '<=', '>', '>=']
const TEXTS = ['=', '!=', 'LIKE', 'ILIKE']
const LISTS = [...TEXTS, 'IN', 'NOT IN']
const PRESENCE = [...TEXTS, 'IS NULL', 'IS NOT NULL']
const ENTITIES = ['metric', 'parameter', 'tag', 'attribute', 'dataset']
const RUN_SORT_KEYS = [
  'Created',
  'artifact_uri',
  'created',
  'end_time',
  'run_id',
  'run_name',
  'start_time',
  'status',
  'user_id',
]
const RUN_KEYS = [...RUN_SORT_KEYS, 'run name', 'Run name', 'Run Name']

export const RUN_WORDS: Words = {
  ...COMMON,
  unreadable: (pieces) => `Invalid clause(s) in filter string: ${pieces.map((piece) => `'${cut(piece)}'`).join(', ')}`,
  unknownPrefix: (prefix) => `Invalid entity type '${cut(prefix)}'. Valid values are ${pythonList(ENTITIES)}`,
  unknownKey: invalidKey(RUN_KEYS),
  notNullable: ({ of, asked }) =>
    `IS NULL / IS NOT NULL is only supported for tags and params, not for '${of}' '${cut(asked)}'`,
  badOperator: ({ of, type }, operator) => {
    const start = `Invalid comparator '${cut(operator)}' not one of '`
    switch (of) {
      case 'metric':
        return start + pythonSet(NUMBERS)
      case 'parameter':
        return `${start}${pythonSet(PRESENCE)}'`
      case 'tag':
        return start + pythonSet(PRESENCE)
      case 'dataset':
        return start + pythonSet(LISTS)
      case 'attribute':
        return type === 'number' ? start + pythonSet(LISTS) : `${start}${pythonSet(LISTS)}'`
    }
  },
  noList: (named, value) => (named.of === 'attribute' ? onlyLists(['run_id']) : quotedValue(named, value)),
  badValue: (named, value) => {
    if (named.type === 'number') return numeric(named, value)
    if (named.of === 'attribute') return `Expected a quoted string value for attributes. Got value ${cut(value)}`
    if (named.of === 'dataset') return `Expected a quoted string value for dataset attributes. Got value ${cut(value)}`
    return quotedValue(named, value)
  },
  badSortEntity: (of) => `Invalid identifier type '${of}'`,
  unknownSortKey: invalidKey(RUN_SORT_KEYS),
}

const FEW = {
  ...COMMON,
  unreadable: (pieces: readonly string[]) => `Invalid clause(s) in filter string: ${pieces.map(cut).join(', ')}`,
  unknownPrefix: (prefix: string) =>
    `Invalid entity type '${cut(prefix)}'. Valid entity types are ${pythonTuple(['attribute', 'tag', 'tags'])}`,
}
const EXPERIMENT_KEYS = ['creation_time', 'experiment_id', 'last_update_time', 'name']

export const EXPERIMENT_WORDS: Words = {
  ...FEW,
  unknownKey: invalidKey(EXPERIMENT_KEYS),
  notNullable: ({ asked }) => `IS NULL / IS NOT NULL is only supported for tags, not for attribute '${cut(asked)}'`,
  badOperator: ({ of, type, asked }, operator) => {
    if (of === 'tag') return `Invalid comparator for tag: ${cut(operator)}`
    if (asked === 'experiment_id') return `Invalid comparator for experiment_id: ${cut(operator)}`
    return `Invalid comparator '${cut(operator)}' not one of '${pythonSet(LISTS)}${type === 'number' ? '' : "'"}`
  },
  noList: (named, value) => (named.of === 'attribute' ? onlyLists(['experiment_id']) : quotedValue(named, value)),
  badValue: (named, value) => {
    if (named.type === 'number') return numeric(named, value)
    return named.of === 'attribute'
      ? `Expected a quoted string value for attributes. Got value ${cut(value)}`
      : quotedValue(named, value)
  },
  badSortEntity: (of) => `Invalid order_by entity: ${of}`,
  unknownSortKey: invalidKey(EXPERIMENT_KEYS),
}

const REGISTRY = {
  ...FEW,
  notNullable: ({ of, asked }: Named) =>
    `IS NULL / IS NOT NULL is not supported in searches of the registry, here for '${of}' '${cut(asked)}'`,
}
const attributeValue = (named: Named, value: string) =>
  named.of === 'attribute'
    ? `Expected a quoted string value or a list of quoted string values for attributes. Got value ${cut(value)}`
    : quotedValue(named, value)

export const MODEL_WORDS: Words = {
  ...REGISTRY,
  unknownKey: invalidKey(['name']),
  badOperator: ({ of }, operator) => `Invalid comparator for ${of}: ${cut(operator)}`,
  noList: quotedValue,
  badValue: attributeValue,
  badSortEntity: (_of, _key, text) => badModelKey(text),
  unknownSortKey: badModelKey,
}

function badModelKey(key: string): string {
  return `Invalid order by key '${cut(key)}' specified. Valid keys are '${pythonSet(['name', 'timestamp'])}'`
}

const VERSION_KEYS = ['name', 'run_id', 'source_path', 'version_number']
const VERSION_NUMBERS = ['creation_timestamp', 'last_updated_timestamp', 'version_number']
const VERSION_SORT_KEYS = [...VERSION_NUMBERS, 'name']

export const VERSION_WORDS: Words = {
  ...REGISTRY,
  unknownKey: invalidKey(VERSION_KEYS),
  badOperator: ({ of, type, asked }, operator) =>
    `Invalid comparator for ${of}${type === 'number' ? ` ${asked}` : ''}: ${cut(operator)}`,
  noList: (named, value) => (named.of === 'attribute' ? onlyLists(['name', 'run_id']) : quotedValue(named, value)),
  badValue: (named, value) => {
    if (named.type === 'number') {
      return `Invalid value for numeric attribute '${named.asked}': ${cut(value)}`
    }
    if (named.of === 'attribute' && /^-?[\d.]/.test(value)) {
      return `Only the '${pythonSet(VERSION_NUMBERS)}' attributes support comparison with numeric values.`
    }
    return attributeValue(named, value)
  },
  badSortEntity: (_of, key) =>
    `Invalid order by key '${cut(key)}' specified. Valid keys are ${pythonSet(VERSION_SORT_KEYS)}`,
  unknownSortKey: invalidKey(VERSION_SORT_KEYS),
}

const DATASET_SORT_KEYS = ['created_time', 'last_update_time', 'name']
const datasetKey = (keys: readonly string[]) => (key: string) =>
  `Invalid attribute key '${cut(key)}' specified. Valid keys are: ${pythonSet(keys)}`

export const DATASET_WORDS: Words = {
  ...EXPERIMENT_WORDS,
  unknownPrefix: (prefix) => `Invalid identifier token '${cut(prefix)}' specified`,
  unknownKey: datasetKey([...DATASET_SORT_KEYS, 'created_by', 'last_updated_by']),
  notNullable: ({ of, asked }) =>
    `IS NULL / IS NOT NULL is not supported in searches of data sets, here for '${of}' '${cut(asked)}'`,
  badOperator: ({ of }, operator) => `Invalid comparator for ${of}: ${cut(operator)}`,
  noList: (named, value) => (named.of === 'attribute' ? onlyLists(['name']) : quotedValue(named, value)),
  unknownSortKey: datasetKey(DATASET_SORT_KEYS),
}

const PREFIX = { metric: 'metrics', parameter: 'params', tag: 'tags', attribute: 'attributes', dataset: 'datasets' }
const notAList = (_pieces: readonly string[], filter: string) =>
  `Invalid filter string: ${pythonText(cut(filter))}. Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').`
const notSingle = (filter: string) =>
  `Invalid filter string: ${pythonText(cut(filter))}. Expected a single SQL expression.`

export const LOGGED_MODEL_WORDS: Words = {
  unreadable: notAList,
  blank: notSingle,
  several: notSingle,
  unknownPrefix: (prefix) =>
    `Invalid entity type: ${pythonText(cut(prefix))}. Expected one of ${pythonList(['attributes', 'metrics', 'params', 'tags'])}.`,
  unknownKey: (key) => `Invalid attribute key '${cut(key)}' specified.`,
  notNullable: ({ of, key }) =>
    `IS NULL / IS NOT NULL is not supported in searches of logged models, here for '${of}' '${cut(key)}'`,
  badOperator: ({ of, key, type }, operator) =>
    `Invalid comparison operator for ${PREFIX[of]}.${cut(key)}: ${pythonText(cut(operator))}. Expected one of ${pythonTuple(type === 'number' ? ['<', '<=', '>', '>=', '=', '!='] : LISTS)}.`,
  noList: quotedValue,
  badValue: (named, value) => (named.type === 'number' ? numeric(named, value) : quotedValue(named, value)),
  badSortEntity: (_of, _key, text) => `Invalid order by field name: ${cut(text)}`,
  unknownSortKey: (key) => `Invalid order by field name: ${cut(key)}`,
}
