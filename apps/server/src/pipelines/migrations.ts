import { type BlobColumns, type Migration, NO_DIGESTS, OF_OTHERS } from '../platform/index.ts'

export const pipelineMigrations: readonly Migration[] = [
  {
    id: '0040-pipelines',
    sql: `
      create table pipeline (
        workspace text not null, name text not null, latest_version int not null, created_at timestamptz not null default now(),
        primary key (workspace, name)
      );
      -- Immutable: definition, code and lock by their content.
      create table pipeline_version (
        workspace text not null, pipeline text not null, version int not null, digest text not null, definition json not null,
        files jsonb not null, lock_digest text not null, git_commit text, git_patch text,
        actor_kind text not null, actor_id text not null, created_at timestamptz not null default now(),
        primary key (workspace, pipeline, version),
        foreign key (workspace, pipeline) references pipeline (workspace, name)
      );
      create table pipeline_run (
        workspace text not null, run uuid not null, pipeline text not null, version int not null, purpose text not null, endpoint text,
        state text not null, status jsonb not null, parameters jsonb not null, datasets jsonb not null, mlflow_run text, model_version text,
        actor_kind text not null, actor_id text not null, cause uuid, started_event uuid not null, correlation uuid not null,
        started_at timestamptz not null, ended_at timestamptz,
        primary key (workspace, run),
        foreign key (workspace, pipeline, version) references pipeline_version (workspace, pipeline, version)
      );
      -- A reaction runs at least once; the event that caused a run causes no second one.
      create unique index pipeline_run_cause on pipeline_run (workspace, cause, pipeline) where cause is not null;
      create index pipeline_run_newest on pipeline_run (workspace, pipeline, started_at desc);
      create index pipeline_run_model_version on pipeline_run (workspace, model_version) where model_version is not null;
      create index pipeline_run_open on pipeline_run (workspace, run) where ended_at is null;
      create table pipeline_step (
        workspace text not null, run uuid not null, step text not null, position int not null, status jsonb not null,
        lease_until timestamptz, cache_key text, cache_parts jsonb, cache_reason text, inputs jsonb not null default '{}',
        outputs jsonb not null default '[]', step_values jsonb, started_at timestamptz, ended_at timestamptz,
        primary key (workspace, run, step),
        foreign key (workspace, run) references pipeline_run (workspace, run)
      );
      -- Results by everything that decides them.
      create table step_result (
        workspace text not null, cache_key text not null, run uuid not null, step text not null, outputs jsonb not null,
        step_values jsonb not null, created_at timestamptz not null default now(),
        primary key (workspace, cache_key)
      );
    `,
  },
]

export const pipelineBlobColumns: BlobColumns = {
  'pipeline_run.datasets': OF_OTHERS,
  'pipeline_run.parameters': NO_DIGESTS,
  'pipeline_run.status': NO_DIGESTS,
  'pipeline_step.cache_parts': OF_OTHERS,
  'pipeline_step.inputs': OF_OTHERS,
  'pipeline_step.outputs': 'holds',
  'pipeline_step.status': NO_DIGESTS,
  'pipeline_step.step_values': NO_DIGESTS,
  'pipeline_version.definition': NO_DIGESTS,
  'pipeline_version.digest': { not: 'names the definition, not a file' },
  'pipeline_version.files': 'holds',
  'pipeline_version.git_patch': 'is',
  'pipeline_version.lock_digest': 'is',
  'step_result.outputs': 'holds',
  'step_result.step_values': NO_DIGESTS,
}
