import type { BlobColumns, Migration } from '../platform/index.ts'

export const evaluationDatasetMigrations: readonly Migration[] = [
  {
    id: '0151-evaluation-datasets',
    sql: `
      -- What language models are evaluated on. JSON is kept as text: clients see the numbers and the order of keys that they gave.
      create table evaluation_dataset (
        workspace text not null, id text not null, name text not null, digest text not null, tags text not null,
        schema text, profile text, created_ms bigint not null, updated_ms bigint not null, created_by text, updated_by text,
        primary key (workspace, id), unique (id)
      );
      create index evaluation_dataset_newest on evaluation_dataset (workspace, created_ms desc, id desc);
      create table evaluation_dataset_experiment (
        dataset text not null references evaluation_dataset (id) on delete cascade, experiment text not null,
        position bigint generated always as identity,
        primary key (dataset, experiment)
      );
      create index evaluation_dataset_of_experiment on evaluation_dataset_experiment (experiment);
      create table evaluation_record (
        dataset text not null references evaluation_dataset (id) on delete cascade, id text not null,
        position bigint generated always as identity,
        -- SHA-256 of the inputs with sorted keys: the same inputs are one record.
        input_hash text not null,
        inputs text not null, outputs text, expectations text, tags text not null, source text,
        created_ms bigint not null, updated_ms bigint not null, created_by text, updated_by text,
        primary key (dataset, position), unique (dataset, id), unique (dataset, input_hash)
      );
    `,
  },
]

export const evaluationDatasetBlobColumns: BlobColumns = {
  'evaluation_dataset.digest': { not: 'short, of a name and a time' },
  'evaluation_record.input_hash': { not: 'of what the row itself holds' },
}
