import type { BlobColumns, Migration } from '../platform/index.ts'

export const batchMigrations: readonly Migration[] = [
  {
    id: '0244-batch-predictions',
    sql: `
      create table batch_prediction (
        workspace text not null, id uuid not null, model text not null, version int not null,
        -- A dataset's version, or a file.
        dataset text, dataset_version int, file_digest text, file_format text, out text not null,
        state text not null check (state in ('waiting', 'running', 'storing', 'done', 'failed', 'cancelled')), problem text,
        rows bigint, rows_done bigint not null default 0, out_version int, starts int not null default 0,
        actor_kind text not null, actor_id text not null,
        requested_at timestamptz not null, started_at timestamptz, finished_at timestamptz,
        primary key (workspace, id),
        check ((dataset is null) <> (file_digest is null))
      );
      create index batch_prediction_open on batch_prediction (requested_at) where finished_at is null;
    `,
  },
]

export const batchBlobColumns: BlobColumns = { 'batch_prediction.file_digest': 'is' }
