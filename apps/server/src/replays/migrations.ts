import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const replayMigrations: readonly Migration[] = [
  {
    id: '0270-replays',
    sql: `
      create table replay (
        workspace text not null, id uuid not null, endpoint text not null, model text not null, version int not null,
        -- Event time of what is asked again; null: from the beginning of the log.
        from_time timestamptz, to_time timestamptz not null, terms jsonb not null,
        state text not null check (state in ('waiting', 'running', 'done', 'failed', 'cancelled')), problem text,
        rows bigint, rows_done bigint not null default 0, starts int not null default 0,
        -- The evaluation whose gate asked: asked twice it runs once.
        evaluation uuid, report jsonb,
        actor_kind text not null, actor_id text not null,
        requested_at timestamptz not null, started_at timestamptz, finished_at timestamptz,
        primary key (workspace, id)
      );
      create index replay_open on replay (requested_at) where finished_at is null;
      create index replay_endpoint on replay (workspace, endpoint, requested_at);
      create unique index replay_evaluation on replay (workspace, evaluation) where evaluation is not null;
      -- The worst decisions that would be others. Answers are JSON text.
      create table replay_flip (
        workspace text not null, replay uuid not null, rank int not null,
        prediction uuid not null, row_index int not null, event_time timestamptz not null, version text not null,
        logged text not null, candidate text, problem text, difference float8, label jsonb, loss_increase float8,
        primary key (workspace, replay, rank)
      );
    `,
  },
]

export const replayBlobColumns: BlobColumns = {
  'replay.report': NO_DIGESTS,
  'replay.terms': NO_DIGESTS,
  'replay_flip.label': NO_DIGESTS,
}
