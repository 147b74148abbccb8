import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const importMigrations: readonly Migration[] = [
  {
    id: '0190-imports',
    sql: `
      create table import (
        workspace text not null, id uuid not null, source text not null, state text not null check (state in ('running', 'finished')),
        started_at timestamptz not null, finished_at timestamptz, counts jsonb not null default '[]',
        primary key (workspace, id)
      );
      create unique index import_running on import (workspace, source) where state = 'running';
      -- What came in, by its id at the source: an import that is begun again skips what it finds here.
      create table import_item (
        workspace text not null, kind text not null, id text not null, as_id text not null, stamp text not null,
        -- SHA-256 of the content as it was read at the source.
        digest text not null,
        -- Joined with what was here, or good before its source changed: it may differ from its source without a fault.
        joined boolean not null default false,
        -- Read back from the tables and found equal.
        checked boolean not null default false,
        import uuid not null,
        primary key (workspace, kind, id)
      );
    `,
  },
]

export const importBlobColumns: BlobColumns = {
  'import.counts': NO_DIGESTS,
  'import_item.digest': { not: 'is of rows or of a list of files, not of a blob' },
}
