import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const registryMigrations: readonly Migration[] = [
  {
    id: '0020-registry',
    sql: `
      create table registered_model (
        workspace text not null, name text not null, description text not null default '', created_ms bigint not null, updated_ms bigint not null,
        -- Numbers are never given twice, not even after a deletion: a version means the same bytes for ever.
        last_version int not null default 0, deleted boolean not null default false,
        primary key (workspace, name)
      );
      create table registered_model_tag (
        workspace text not null, model text not null, key text not null, value text not null,
        primary key (workspace, model, key),
        foreign key (workspace, model) references registered_model (workspace, name) on update cascade
      );
      create table model_version (
        workspace text not null, model text not null, version int not null, description text not null, source text not null,
        storage_uri text not null, run text not null, logged_model text not null, run_link text not null,
        stage text not null default 'None' check (stage in ('None', 'Staging', 'Production', 'Archived')),
        user_id text not null, created_ms bigint not null, updated_ms bigint not null, deleted boolean not null default false,
        -- SHA-256 of the list of files; null when there are none.
        digest text, signature jsonb, flavors text[] not null,
        primary key (workspace, model, version),
        foreign key (workspace, model) references registered_model (workspace, name) on update cascade
      );
      create index model_version_run on model_version (workspace, run);
      create table model_version_tag (
        workspace text not null, model text not null, version int not null, key text not null, value text not null,
        primary key (workspace, model, version, key),
        foreign key (workspace, model, version) references model_version (workspace, model, version) on update cascade
      );
      create table version_file (
        workspace text not null, model text not null, version int not null, path text collate "C" not null, digest text not null,
        bytes bigint not null,
        primary key (workspace, model, version, path),
        foreign key (workspace, model, version) references model_version (workspace, model, version) on update cascade
      );
      create table model_alias (
        workspace text not null, model text not null, alias text not null, version int not null,
        primary key (workspace, model, alias),
        foreign key (workspace, model, version) references model_version (workspace, model, version) on update cascade
      );
      -- Who pointed an alias where, from when on. A null version: it was removed.
      create table alias_change (
        workspace text not null, position bigint generated always as identity, model text not null, alias text not null,
        version int, previous_version int, actor_kind text not null, actor_id text not null, at timestamptz not null,
        primary key (workspace, model, alias, position),
        foreign key (workspace, model) references registered_model (workspace, name) on update cascade
      );
      -- One row for each retraining that gave a candidate: a reaction that runs twice finds its own.
      create table candidate (
        workspace text not null, pipeline_run uuid not null, model text not null, version int not null, endpoint text not null,
        primary key (workspace, pipeline_run)
      );
    `,
  },
]

export const registryBlobColumns: BlobColumns = {
  'model_version.digest': { not: 'names the list of files, not a file' },
  'model_version.signature': NO_DIGESTS,
  'version_file.digest': 'is',
}

/** When a model or version was deleted: what it is kept for is counted from then. */
export const registryDeletionTimeMigrations: readonly Migration[] = [
  {
    id: '0171-registry-deletion-times',
    sql: `
      alter table registered_model add column deleted_ms bigint;
      alter table model_version add column deleted_ms bigint;
      update registered_model set deleted_ms = updated_ms where deleted;
      update model_version set deleted_ms = updated_ms where deleted;
      create index model_version_deleted on model_version (workspace, deleted_ms) where deleted;
      create index model_version_logged_model on model_version (workspace, logged_model) where logged_model <> '';
    `,
  },
]
