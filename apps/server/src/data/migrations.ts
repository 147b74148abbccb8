import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const dataMigrations: readonly Migration[] = [
  {
    id: '0030-data',
    sql: `
      create table dataset (
        -- json, not jsonb: the columns keep their declared order.
        workspace text not null, name text not null, definition json not null, latest_version int not null default 0,
        created_at timestamptz not null default now(),
        primary key (workspace, name)
      );
      -- Immutable. chunks: the files that hold its rows, in order. The digest names the rows, not the files.
      create table dataset_version (
        workspace text not null, dataset text not null, version int not null, digest text not null,
        definition json not null, chunks jsonb not null,
        row_count bigint not null, new_rows bigint not null, replaced_rows bigint not null, new_bytes bigint not null,
        quarantined_rows bigint not null, from_time timestamptz, to_time timestamptz, parent int, source text not null,
        batch_digest text not null, actor_kind text not null, actor_id text not null, created_at timestamptz not null default now(),
        primary key (workspace, dataset, version),
        foreign key (workspace, dataset) references dataset (workspace, name)
      );
      create index dataset_version_digest on dataset_version (workspace, dataset, digest);
      -- Made from the version when first needed, kept because the version never changes.
      create table dataset_profile (
        workspace text not null, dataset text not null, version int not null, profile jsonb not null,
        primary key (workspace, dataset, version)
      );
      -- Rows that no version has. The same content is kept out once, however often it is sent.
      create table dataset_quarantine (
        workspace text not null, dataset text not null, id bigint generated always as identity, content text not null,
        rule text not null, column_name text, reason text not null, row jsonb not null, version int not null, source text not null,
        state text not null default 'quarantined', decision_reason text, created_at timestamptz not null default now(),
        primary key (workspace, dataset, id),
        unique (workspace, dataset, content),
        foreign key (workspace, dataset) references dataset (workspace, name)
      );
    `,
  },
]

export const dataBlobColumns: BlobColumns = {
  'dataset.definition': NO_DIGESTS,
  'dataset_profile.profile': NO_DIGESTS,
  'dataset_quarantine.row': NO_DIGESTS,
  'dataset_version.batch_digest': { not: 'names a batch as it was sent, which is not kept' },
  'dataset_version.chunks': 'holds',
  'dataset_version.definition': NO_DIGESTS,
  'dataset_version.digest': 'is',
}
