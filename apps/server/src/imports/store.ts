import type { ImportCount, ImportKind } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { ImportRow, Item } from './types.ts'

interface Row {
  id: string
  source: string
  state: ImportRow['state']
  started_at: Date
  finished_at: Date | null
  counts: ImportCount[]
}

const COLUMNS = sql.raw('id, source, state, started_at, finished_at, counts')

function importOf(row: Row): ImportRow {
  return {
    id: row.id,
    source: row.source,
    state: row.state,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    counts: row.counts,
  }
}

/** The unfinished import of a source, else a new one with the id given. */
export async function openImport(
  tx: Tx,
  workspace: string,
  given: { id: string; source: string; now: Date },
): Promise<ImportRow> {
  const { rows } = await sql<Row>`
    insert into import (workspace, id, source, state, started_at) values (${workspace}, ${given.id}, ${given.source}, 'running', ${given.now})
    on conflict (workspace, source) where state = 'running' do update set source = excluded.source
    returning ${COLUMNS}`.execute(tx)
  if (!rows[0]) throw new Error('An import was neither found nor made.')
  return importOf(rows[0])
}

/** An import; it does not end before the transaction does. */
export async function importById(tx: Tx, workspace: string, id: string): Promise<ImportRow | null> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from import where workspace = ${workspace} and id = ${id} for share`.execute(tx)
  return rows[0] ? importOf(rows[0]) : null
}

export async function listImports(db: Queryable, workspace: string): Promise<ImportRow[]> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from import where workspace = ${workspace} order by started_at desc limit 1000`.execute(db)
  return rows.map(importOf)
}

/** False when it was finished before. */
export async function finish(
  tx: Tx,
  workspace: string,
  id: string,
  counts: readonly ImportCount[],
  now: Date,
): Promise<boolean> {
  const { rows } = await sql`
    update import set state = 'finished', finished_at = ${now}, counts = ${JSON.stringify(counts)}::jsonb
    where workspace = ${workspace} and id = ${id} and state = 'running' returning id`.execute(tx)
  return rows.length === 1
}

interface ItemRow {
  id: string
  as_id: string
  stamp: string
  digest: string
  joined: boolean
  checked: boolean
}

/** What came in before of these ids of a kind. */
export async function itemsOf(
  db: Queryable,
  workspace: string,
  kind: ImportKind,
  ids: readonly string[],
): Promise<Map<string, Item>> {
  const { rows } = await sql<ItemRow>`
    select id, as_id, stamp, digest, joined, checked from import_item
    where workspace = ${workspace} and kind = ${kind} and id = any (${ids}::text[])`.execute(db)
  return new Map(rows.map(({ as_id, ...row }) => [row.id, { ...row, as: as_id }]))
}

/** Notes what came in. One whose content changed has to be checked again. */
export async function putItems(
  tx: Tx,
  workspace: string,
  importId: string,
  kind: ImportKind,
  items: readonly Item[],
): Promise<void> {
  const of = <T>(pick: (item: Item) => T) => items.map(pick)
  await sql`
    insert into import_item (workspace, kind, id, as_id, stamp, digest, joined, checked, import)
    select ${workspace}, ${kind}, i.*, ${importId}::uuid from unnest(${of((i) => i.id)}::text[], ${of((i) => i.as)}::text[],
      ${of((i) => i.stamp)}::text[], ${of((i) => i.digest)}::text[], ${of((i) => i.joined)}::boolean[], ${of((i) => i.checked)}::boolean[]) i
    on conflict (workspace, kind, id) do update set as_id = excluded.as_id, stamp = excluded.stamp, digest = excluded.digest,
      joined = excluded.joined, checked = excluded.checked, import = excluded.import`.execute(tx)
}

/** Marks what was read back and found equal. */
export async function markChecked(
  tx: Queryable,
  workspace: string,
  kind: ImportKind,
  found: ReadonlyMap<string, string>,
): Promise<void> {
  await sql`
    update import_item i set checked = true from unnest(${[...found.keys()]}::text[], ${[...found.values()]}::text[]) f (id, digest)
    where i.workspace = ${workspace} and i.kind = ${kind} and i.id = f.id and i.digest = f.digest`.execute(tx)
}
