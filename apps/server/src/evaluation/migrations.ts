import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const evaluationMigrations: readonly Migration[] = [
  {
    id: '0070-evaluation',
    sql: `
      create table evaluation (
        workspace text not null, id uuid not null, model text not null, version int not null, endpoint text not null,
        purpose text not null check (purpose in ('gates', 'first')),
        champion int, pipeline_run uuid, holdout_run uuid,
        state text not null check (state in ('converting', 'predicting', 'judging', 'passed', 'failed', 'measured', 'broken')),
        problem text, summary text, runtime jsonb, gates jsonb not null default '[]', holdout jsonb,
        -- What the perturbed inputs did, between the predicting and the judging.
        robustness jsonb,
        -- Event that asked for it: asked twice by the same event it runs once.
        cause uuid, correlation uuid,
        actor_kind text not null, actor_id text not null,
        attempts int not null default 0,
        started_at timestamptz not null, finished_at timestamptz,
        primary key (workspace, id)
      );
      create unique index evaluation_cause on evaluation (workspace, cause);
      create index evaluation_version on evaluation (workspace, model, version, started_at);
      create index evaluation_unfinished on evaluation (started_at) where finished_at is null;
      create table version_runtime (
        workspace text not null, model text not null, version int not null,
        runtime jsonb not null, verdict jsonb not null, decided_at timestamptz not null default now(),
        primary key (workspace, model, version)
      );
      create table holdout_prediction (
        workspace text not null, evaluation uuid not null, row int not null,
        entity text, event_time timestamptz, slices jsonb not null, label float8 not null,
        prediction float8, champion_prediction float8,
        primary key (workspace, evaluation, row)
      );
    `,
  },
  {
    id: '0235-version-runtimes',
    sql: `
      -- The same version in Python, beside a converted one; null where it was decided before that was kept.
      alter table version_runtime add column python jsonb;
      -- The mismatch that was found while serving and sent it to Python; null: none was.
      alter table version_runtime add column switched jsonb;
      -- Versions that were registered, until their runtime is decided.
      create table version_preparation (
        workspace text not null, model text not null, version int not null,
        state text not null check (state in ('waiting', 'done', 'failed')), problem text,
        cause uuid, correlation uuid, actor_kind text not null, actor_id text not null,
        attempts int not null default 0, requested_at timestamptz not null, finished_at timestamptz,
        primary key (workspace, model, version)
      );
      create index version_preparation_waiting on version_preparation (requested_at) where state = 'waiting';
      -- How much a version's answers move with each of its columns.
      create table version_importance (
        workspace text not null, model text not null, version int not null,
        measured jsonb not null, measured_at timestamptz not null default now(),
        primary key (workspace, model, version)
      );
    `,
  },
]

export const evaluationBlobColumns: BlobColumns = {
  'evaluation.gates': NO_DIGESTS,
  'evaluation.holdout': NO_DIGESTS,
  'evaluation.robustness': NO_DIGESTS,
  'evaluation.runtime': 'holds',
  'holdout_prediction.slices': NO_DIGESTS,
  'version_importance.measured': NO_DIGESTS,
  'version_runtime.python': 'holds',
  'version_runtime.runtime': 'holds',
  'version_runtime.switched': NO_DIGESTS,
  'version_runtime.verdict': NO_DIGESTS,
}
