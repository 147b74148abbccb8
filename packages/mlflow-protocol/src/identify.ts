import type { Dialect, Entity, Named } from './clauses.ts'
import { invalid } from './errors.ts'

const DATASET_KEYS = ['name', 'digest', 'context']

/** `metrics.rmse`, "params.`a b`" or `start_time` to what it names. @throws MlflowError for what there is not. */
export function identify(text: string, dialect: Dialect): Named {
  const { of, asked } = split(text, dialect)
  if (of === 'metric') return { of, asked, key: asked, type: 'number' }
  if (of === 'dataset' && !DATASET_KEYS.includes(asked)) {
    throw invalid(`Invalid dataset key '${asked}' specified. Valid keys are '{'context', 'digest', 'name'}'`)
  }
  if (of !== 'attribute') return { of, asked, key: asked, type: 'text' }
  const attribute = Object.hasOwn(dialect.attributes, asked) ? dialect.attributes[asked] : undefined
  if (!attribute) throw invalid(dialect.words.unknownKey(asked))
  return { of, asked, key: attribute.column, type: attribute.type }
}

/** The same for a key to sort by. */
export function identifySort(text: string, dialect: Dialect): Pick<Named, 'of' | 'key'> {
  const { of, asked } = split(text, dialect)
  if (!dialect.sortEntities.includes(of)) throw invalid(dialect.words.badSortEntity(of, asked, text))
  if (of !== 'attribute') return { of, key: asked }
  const key = Object.hasOwn(dialect.sortable, asked) ? dialect.sortable[asked] : undefined
  if (key === undefined) throw invalid(dialect.words.unknownSortKey(asked))
  return { of, key }
}

/** The metric, parameter or tag that a name means, as in a filter. @throws MlflowError for attributes, data sets and other names. */
export function parseColumn(name: string, dialect: Dialect): { of: 'metric' | 'parameter' | 'tag'; key: string } {
  const { of, key } = identify(name.trim(), dialect)
  if (of === 'attribute' || of === 'dataset') {
    throw invalid(`Invalid column '${name}'. A column is a metric, a parameter or a tag, as in metrics.rmse.`)
  }
  return { of, key }
}

/** The prefix ends at the first dot, also within quotes, as in MLflow. */
function split(text: string, dialect: Dialect): { of: Entity; asked: string } {
  const dot = text.indexOf('.')
  const asked = unquote(text.slice(dot + 1))
  if (dot < 0) return { of: 'attribute', asked }
  const given = text.slice(0, dot)
  const prefix = given.length >= 2 && given.startsWith('`') && given.endsWith('`') ? given.slice(1, -1) : given
  const of = Object.hasOwn(dialect.entities, prefix) ? dialect.entities[prefix] : undefined
  if (of === undefined) throw invalid(dialect.words.unknownPrefix(prefix))
  return { of, asked }
}

function unquote(text: string): string {
  return /^(?:`[\s\S]*`|"[\s\S]*"|'[\s\S]*')$/.test(text) && text.length >= 2 ? text.slice(1, -1) : text
}
