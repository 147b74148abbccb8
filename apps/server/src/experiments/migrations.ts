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
  {
    id: '0030-run-numbers',
    sql: `
      -- Values of runs are found by numbers: a run's and a key's. Both are unique over all workspaces, and are had only through the names.
      alter table run add column no bigint generated always as identity;
      create unique index run_no on run (no);
      create table run_key (
        no int generated always as identity primary key, workspace text not null, key text not null, unique (workspace, key)
      );
      insert into run_key (workspace, key)
      select workspace, key from run_tag union select workspace, key from run_parameter union select workspace, key from metric
      union select workspace, key from latest_metric order by 1, 2;

      alter table run_tag rename to old_run_tag;
      alter table old_run_tag rename constraint run_tag_pkey to old_run_tag_pkey;
      create table run_tag (run bigint not null, key int not null, value text not null, primary key (run, key));
      insert into run_tag (run, key, value)
      select r.no, k.no, t.value from old_run_tag t
      join run r on r.workspace = t.workspace and r.id = t.run join run_key k on k.workspace = t.workspace and k.key = t.key order by 1, 2;
      drop table old_run_tag;
      -- hashtextextended: the hash that PostgreSQL's own partitions rely on from release to release.
      create index run_tag_value on run_tag (key, hashtextextended(value, 0));

      alter table run_parameter rename to old_run_parameter;
      alter table old_run_parameter rename constraint run_parameter_pkey to old_run_parameter_pkey;
      create table run_parameter (run bigint not null, key int not null, value text not null, primary key (run, key));
      insert into run_parameter (run, key, value)
      select r.no, k.no, p.value from old_run_parameter p
      join run r on r.workspace = p.workspace and r.id = p.run join run_key k on k.workspace = p.workspace and k.key = p.key order by 1, 2;
      drop table old_run_parameter;
      create index run_parameter_value on run_parameter (key, hashtextextended(value, 0));

      -- The latest by step, then time, then value: what lists show, filter and sort by. The experiment is there for the index alone.
      alter table latest_metric rename to old_latest_metric;
      alter table old_latest_metric rename constraint latest_metric_pkey to old_latest_metric_pkey;
      drop index latest_metric_value;
      create table latest_metric (
        run bigint not null, experiment bigint not null, at_ms bigint not null, step bigint not null, value double precision not null,
        key int not null,
        primary key (run, key)
      );
      insert into latest_metric (run, experiment, key, at_ms, step, value)
      select r.no, r.experiment, k.no, m.at_ms, m.step, m.value from old_latest_metric m
      join run r on r.workspace = m.workspace and r.id = m.run join run_key k on k.workspace = m.workspace and k.key = m.key order by 1, 3;
      drop table old_latest_metric;
      create index latest_metric_value on latest_metric (experiment, key, value);

      -- Every value ever logged, packed (points.ts says how): a row for each call, until they are gathered into chunks by key.
      create table metric_log (
        run bigint not null, seq bigint generated always as identity, points bytea not null, primary key (run, seq)
      );
      create table metric_chunk (
        run bigint not null, key int not null, seq bigint generated always as identity, count int not null, points bytea not null,
        primary key (run, key, seq)
      );
      insert into metric_chunk (run, key, count, points)
      select run, key, count(*),
        '\\x00'::bytea || string_agg(int4send(key) || int8send(step) || int8send(at_ms) || float8send(value), ''::bytea order by at_ms, step, value)
      from (
        select r.no as run, k.no as key, m.step, m.at_ms, m.value,
          (row_number() over (partition by r.no, k.no order by m.at_ms, m.step, m.value) - 1) / 8192 as share
        from metric m join run r on r.workspace = m.workspace and r.id = m.run join run_key k on k.workspace = m.workspace and k.key = m.key
      ) m group by run, key, share order by run, key, share;
      drop table metric;
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

/** When something was deleted: what it is kept for is counted from then. */
export const deletionTimeMigrations: readonly Migration[] = [
  {
    id: '0170-deletion-times',
    sql: `
      alter table experiment add column deleted_ms bigint;
      alter table run add column deleted_ms bigint;
      alter table logged_model add column deleted_ms bigint;
      update experiment set deleted_ms = updated_ms where lifecycle = 'deleted';
      update logged_model set deleted_ms = updated_ms where lifecycle = 'deleted';
      -- When a run was deleted was not noted before: its time begins now.
      update run set deleted_ms = extract(epoch from now()) * 1000 where lifecycle = 'deleted';
      create index run_deleted on run (workspace, no) where lifecycle = 'deleted';
      create index logged_model_run on logged_model (workspace, source_run);
    `,
  },
]

/** Lists that are walked in the order of an index and filtered on the way. */
export const searchMigrations: readonly Migration[] = [
  {
    id: '0200-search-by-key',
    sql: `
      -- A walk by a metric's value reads this alone, not the table; a filter asks the others for many runs of one key at once.
      drop index latest_metric_value;
      create index latest_metric_value on latest_metric (experiment, key, value) include (run);
      create index latest_metric_run on latest_metric (key, run) include (value);
      drop index run_parameter_value;
      create index run_parameter_value on run_parameter (key, hashtextextended(value, 0), run);
      drop index run_tag_value;
      create index run_tag_value on run_tag (key, hashtextextended(value, 0), run);
    `,
  },
  {
    id: '0201-run-counts',
    sql: `
      -- How many runs there are up to a number, by experiment and stage of life (runCountStore.ts).
      create table run_count (
        workspace text not null, experiment bigint not null, lifecycle text not null, n bigint not null,
        primary key (workspace, experiment, lifecycle)
      );
      create table run_counted (one boolean primary key default true check (one), upto bigint not null);
      insert into run_count (workspace, experiment, lifecycle, n) select workspace, experiment, lifecycle, count(*) from run group by 1, 2, 3;
      insert into run_counted (upto) select coalesce(max(no), 0) from run;
    `,
  },
]
