import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const experimentMigrations: readonly Migration[] = [
  {
    id: '0010-experiments',
    sql: `
      create sequence experiment_id;
      create table experiment (
        workspace text not null, id bigint not null, name text not null, artifact_location text not null,
        lifecycle text not null default 'active' check (lifecycle in ('active', 'deleted')),
        -- Milliseconds since 1970, as MLflow's clients send and expect all times of this module.
        created_ms bigint not null, updated_ms bigint not null,
        primary key (workspace, id), unique (workspace, name)
      );
      create table experiment_tag (
        workspace text not null, experiment bigint not null, key text not null, value text not null,
        primary key (workspace, experiment, key),
        foreign key (workspace, experiment) references experiment (workspace, id)
      );
      insert into experiment (workspace, id, name, artifact_location, created_ms, updated_ms)
      values ('default', 0, 'Default', 'mlflow-artifacts:/0', extract(epoch from now()) * 1000, extract(epoch from now()) * 1000);

      create table run (
        workspace text not null, id text not null, experiment bigint not null, name text not null, user_id text not null,
        status text not null check (status in ('RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED')),
        start_ms bigint not null, end_ms bigint, artifact_uri text not null,
        lifecycle text not null default 'active' check (lifecycle in ('active', 'deleted')),
        primary key (workspace, id),
        foreign key (workspace, experiment) references experiment (workspace, id)
      );
      create index run_newest on run (workspace, experiment, start_ms desc, id);
      create table run_tag (
        workspace text not null, run text not null, key text not null, value text not null, primary key (workspace, run, key)
      );
      create index run_tag_key on run_tag (workspace, key, md5(value));
      create table run_parameter (
        workspace text not null, run text not null, key text not null, value text not null, primary key (workspace, run, key)
      );

      -- Every value ever logged. The key holds all columns: the same value sent twice is one row, so a client may safely send again.
      create table metric (
        workspace text not null, run text not null, key text not null, at_ms bigint not null, step bigint not null,
        value double precision not null,
        primary key (workspace, run, key, at_ms, step, value)
      );
      -- The latest by step, then time, then value: what lists show, filter and sort by.
      create table latest_metric (
        workspace text not null, run text not null, key text not null, at_ms bigint not null, step bigint not null,
        value double precision not null,
        primary key (workspace, run, key)
      );
      create index latest_metric_value on latest_metric (workspace, key, value);

      create table run_dataset (
        workspace text not null, experiment bigint not null, name text not null, digest text not null, source_type text not null,
        source text not null, schema text, profile text,
        primary key (workspace, experiment, name, digest)
      );
      create table run_input (
        workspace text not null, run text not null, experiment bigint not null, name text not null, digest text not null,
        tags jsonb not null,
        primary key (workspace, run, name, digest)
      );
      create index run_input_dataset on run_input (workspace, name, digest);
      create table run_model (
        workspace text not null, run text not null, role text not null check (role in ('input', 'output')), model text not null,
        step bigint not null, position bigint generated always as identity,
        primary key (workspace, run, role, model)
      );

      create table logged_model (
        workspace text not null, id text not null, experiment bigint not null, name text not null, artifact_uri text not null,
        status text not null, model_type text not null, source_run text not null,
        lifecycle text not null default 'active' check (lifecycle in ('active', 'deleted')),
        created_ms bigint not null, updated_ms bigint not null,
        primary key (workspace, id),
        foreign key (workspace, experiment) references experiment (workspace, id)
      );
      create index logged_model_newest on logged_model (workspace, experiment, created_ms desc);
      create table logged_model_tag (
        workspace text not null, model text not null, key text not null, value text not null, primary key (workspace, model, key)
      );
      create table logged_model_parameter (
        workspace text not null, model text not null, key text not null, value text not null, primary key (workspace, model, key)
      );
      create table logged_model_metric (
        workspace text not null, model text not null, key text not null, at_ms bigint not null, step bigint not null,
        value double precision not null, run text not null, dataset_name text not null, dataset_digest text not null,
        primary key (workspace, model, key, at_ms, step, run, value)
      );

      -- Names of files in the artifact tree; the bytes lie in the blob store. "C" makes a folder a range of the index.
      create table artifact (
        workspace text not null, path text collate "C" not null, digest text not null, bytes bigint not null,
        written_at timestamptz not null default now(),
        primary key (workspace, path)
      );
      -- Folders whose files belong to a registered model version: nothing below them changes any more.
      create table frozen_folder (
        workspace text not null, path text collate "C" not null, reason text not null, primary key (workspace, path)
      );
    `,
  },
]

// A client's own name of its data set, in whatever form.
const CLIENTS_OWN = { not: 'is a digest of the client, of content that is not here' }

export const experimentBlobColumns: BlobColumns = {
  'artifact.digest': 'is',
  'logged_model_metric.dataset_digest': CLIENTS_OWN,
  'run_dataset.digest': CLIENTS_OWN,
  'run_input.digest': CLIENTS_OWN,
  'run_input.tags': NO_DIGESTS,
}
