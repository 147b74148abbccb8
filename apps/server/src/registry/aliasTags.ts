import { invalid } from '@tidemark/mlflow-protocol'
import type { KeyValue } from '../experiments/index.ts'
import type { AliasChange } from './types.ts'

const PREFIX = 'tidemark.alias_history.'

/**
 * One tag for each alias: a JSON list of `{version, from, by}`, the oldest first, so that the last one whose `from` is not after an instant tells where
 * the alias pointed then. A null version: it was removed.
 */
export function historyTags(newestFirst: readonly AliasChange[]): KeyValue[] {
  const histories = new Map<string, object[]>()
  for (const { alias, version, at, by } of newestFirst.toReversed()) {
    const history = histories.get(alias) ?? []
    history.push({ version, from: at.toISOString(), by: `${by.kind}:${by.id}` })
    histories.set(alias, history)
  }
  return [...histories]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([alias, history]) => ({ key: `${PREFIX}${alias}`, value: JSON.stringify(history) }))
}

/** @throws MlflowError for a tag that tells the history of an alias: the registry alone writes it. */
export function checkNoHistory(key: string): void {
  if (key.startsWith(PREFIX)) {
    throw invalid(
      `Tag key '${key}' is read-only: it tells the history of an alias, which Tidemark keeps itself. Set or delete the alias instead.`,
    )
  }
}
