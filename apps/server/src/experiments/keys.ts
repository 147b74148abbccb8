import type pg from 'pg'
import { runPrepared, type Statement } from '../platform/index.ts'

const BY_NAME: Statement = {
  name: 'run-keys-by-name',
  text: 'select no, key from run_key where workspace = $1 and key = any ($2::text[])',
}
const BY_NUMBER: Statement = {
  name: 'run-keys-by-number',
  text: 'select no, key from run_key where no = any ($1::int[])',
}
const ADD: Statement = {
  name: 'run-keys-add',
  text: `
    insert into run_key (workspace, key) select $1, g.key from unnest($2::text[]) g (key) order by g.key
    on conflict (workspace, key) do nothing returning no, key`,
}

// About 20 MB of names; a workspace that has more asks the database for those that are not in use.
const MOST_CACHED = 200_000

/** What the tables of runs store instead of the names of metrics, parameters and tags: a number each, given once and never changed. */
export type KeyNumbers = ReturnType<typeof createKeyNumbers>

/** The dictionary of names, remembered: its rows are only ever added. */
export function createKeyNumbers(pool: pg.Pool) {
  const numbers = new Map<string, Map<string, number>>()
  const names = new Map<number, string>()

  function remember(workspace: string, rows: readonly { no: number; key: string }[]): Map<string, number> {
    if (names.size > MOST_CACHED) {
      names.clear()
      numbers.clear()
    }
    const known = numbers.get(workspace) ?? new Map<string, number>()
    numbers.set(workspace, known)
    for (const { no, key } of rows) {
      known.set(key, no)
      names.set(no, key)
    }
    return known
  }

  return {
    /** The numbers of names that were used before; a name without one has no value anywhere in the workspace. */
    async find(workspace: string, keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
      const known = numbers.get(workspace)
      if (known && keys.every((key) => known.has(key))) return known
      return remember(workspace, await runPrepared(pool, BY_NAME, [workspace, keys]))
    },

    /** The numbers of names, given now where they have none. In a transaction of its own: a number without a value does no harm. */
    async ensure(workspace: string, keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
      const known = numbers.get(workspace)
      const unknown = known ? keys.filter((key) => !known.has(key)) : keys
      if (known && unknown.length === 0) return known
      const missing = [...new Set(unknown)]
      const found = remember(workspace, await runPrepared(pool, BY_NAME, [workspace, missing]))
      const added = missing.filter((key) => !found.has(key))
      if (added.length === 0) return found
      const rows = await runPrepared<{ no: number; key: string }>(pool, ADD, [workspace, added])
      // Another server may have given some of them at this moment.
      const lost =
        rows.length === added.length
          ? []
          : await runPrepared<{ no: number; key: string }>(pool, BY_NAME, [workspace, added])
      return remember(workspace, [...rows, ...lost])
    },

    /** Makes sure that `name` knows these numbers. */
    async load(wanted: Iterable<number>): Promise<void> {
      const unknown = [...new Set(wanted)].filter((no) => !names.has(no))
      if (unknown.length === 0) return
      const rows = await runPrepared<{ no: number; key: string }>(pool, BY_NUMBER, [unknown])
      for (const { no, key } of rows) names.set(no, key)
    },

    /** The name of a number that was loaded. */
    name(no: number): string {
      const name = names.get(no)
      if (name === undefined) throw new Error(`The key ${no} was not loaded, or its row is gone.`)
      return name
    },

    /** Forgets everything; for a database that was emptied. */
    forget(): void {
      numbers.clear()
      names.clear()
    },
  }
}
