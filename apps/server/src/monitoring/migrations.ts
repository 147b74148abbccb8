import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const monitoringMigrations: readonly Migration[] = [
  {
    id: '0090-monitoring',
    sql: `
      -- The log belongs to the gateways, which serve all workspaces: its bookkeeping is the only part without one.
      create table log_segment (
        gateway text not null, segment int not null,
        read_bytes bigint not null default 0, records bigint not null default 0, finished boolean not null default false,
        -- Extremes, not first and last: answers are written in the order in which they were ready.
        lowest_id uuid, highest_id uuid, earliest timestamptz, latest timestamptz,
        primary key (gateway, segment)
      );
      -- Ids read in the last hour of arrivals; what lies further back cannot come twice.
      create table log_seen (id uuid not null, kind text not null, primary key (id, kind));

      create table monitoring_clock (
        workspace text not null, endpoint text not null, event_time timestamptz not null,
        primary key (workspace, endpoint)
      );
      create table monitoring_profile (
        workspace text not null, id uuid not null, endpoint text not null, model text not null, version int not null,
        profile jsonb not null, adopted_at timestamptz not null,
        primary key (workspace, id), unique (workspace, endpoint, model, version)
      );
      create table monitoring_window (
        workspace text not null, id uuid not null, endpoint text not null,
        starts timestamptz not null, ends timestamptz not null,
        profile uuid, state text not null default 'open', reason text,
        predictions bigint not null default 0, entities bigint not null default 0, errors bigint not null default 0, late bigint not null default 0,
        checks int not null default 0, alarms int not null default 0,
        closed_event uuid, drift_event uuid,
        primary key (workspace, id), unique (workspace, endpoint, starts)
      );
      create index monitoring_window_open on monitoring_window (workspace, endpoint, ends) where state = 'open';
      create table monitoring_unit (
        workspace text not null, window_id uuid not null, entity text not null,
        primary key (workspace, window_id, entity)
      );
      create table monitoring_count (
        workspace text not null, window_id uuid not null, feature text not null, cell text not null, n bigint not null,
        primary key (workspace, window_id, feature, cell)
      );
      create table monitoring_check (
        workspace text not null, window_id uuid not null, feature text not null, kind text not null,
        statistic double precision not null, p_value double precision not null, adjusted_p_value double precision not null,
        effect double precision not null, effect_name text not null, alarm boolean not null, sentence text not null,
        primary key (workspace, window_id, feature, kind)
      );

      create table monitoring_fault (
        workspace text not null, id uuid not null, endpoint text not null, feature text not null, factor double precision not null,
        share double precision not null, since timestamptz not null, until timestamptz, resolution text, sentence text not null,
        window_id uuid not null, event uuid,
        primary key (workspace, id)
      );
      create unique index monitoring_fault_open on monitoring_fault (workspace, endpoint, feature) where until is null;
      create table monitoring_quarantine (
        workspace text not null, endpoint text not null, entity text not null, fault uuid not null,
        prediction uuid not null, event_time timestamptz not null, value double precision,
        primary key (workspace, endpoint, entity, fault)
      );

      create table monitoring_label (
        workspace text not null, endpoint text not null, entity text not null, sequence bigint generated always as identity,
        value double precision not null, known_at timestamptz not null, recorded_at timestamptz not null, actor text not null,
        primary key (workspace, endpoint, entity, sequence)
      );
      -- The first prediction of each thing by each version: what its label is compared with.
      create table monitoring_first_prediction (
        workspace text not null, endpoint text not null, version int not null, entity text not null,
        prediction uuid not null, row_index int not null, event_time timestamptz not null, value double precision not null, window_id uuid not null,
        primary key (workspace, endpoint, version, entity)
      );
      create table monitoring_realised_loss (
        workspace text not null, endpoint text not null, version int not null, entity text not null,
        sequence bigint generated always as identity,
        loss double precision not null, event_time timestamptz not null, known_at timestamptz not null, window_id uuid not null,
        -- Position in the watch's sequence; null until its window's inputs were judged.
        folded int,
        primary key (workspace, endpoint, version, entity)
      );
      create index monitoring_realised_unfolded on monitoring_realised_loss (workspace, endpoint, version, sequence) where folded is null;
      create index monitoring_realised_window on monitoring_realised_loss (workspace, window_id);
      create table monitoring_watch (
        workspace text not null, endpoint text not null, version int not null,
        -- Losses realised after this belong to the version's time as champion; earlier ones decided its rollout.
        from_sequence bigint not null,
        loss text not null, initial jsonb, state jsonb, missing text,
        report jsonb, adopted_at timestamptz not null,
        primary key (workspace, endpoint, version)
      );
    `,
  },
]

/** Since closed segments of the log become Parquet files, and labels may be text. */
export const predictionArchiveMigrations: readonly Migration[] = [
  {
    id: '0240-prediction-archive',
    sql: `
      alter table log_segment add column archived_at timestamptz, add column removed boolean not null default false;
      create index log_segment_to_archive on log_segment (lowest_id) where finished and archived_at is null;
      -- Parquet files made of segments. A file that no row names is not part of the archive.
      create table prediction_file (
        workspace text not null, endpoint text not null, kind text not null check (kind in ('answer', 'mirror')),
        -- Of the arrival, in UTC.
        day date not null, file text not null,
        predictions bigint not null, rows bigint not null, bytes bigint not null,
        lowest_id uuid not null, highest_id uuid not null, earliest timestamptz not null, latest timestamptz not null,
        primary key (file)
      );
      create index prediction_file_place on prediction_file (workspace, endpoint, kind, highest_id);
    `,
  },
  {
    id: '0241-text-labels',
    sql: `
      -- A class is a text; a number stays a number.
      alter table monitoring_label alter column value drop not null, add column text text,
        add constraint monitoring_label_is_one check ((value is null) <> (text is null));
      alter table monitoring_first_prediction alter column value drop not null, add column text text,
        add constraint monitoring_first_prediction_is_one check ((value is null) <> (text is null));
    `,
  },
  {
    id: '0242-prediction-erasure',
    sql: `
      -- Whose predictions are erased. A key is there for as long as it is needed.
      create table prediction_erasure (
        workspace text not null, id uuid not null, endpoint text, kind text not null check (kind in ('entity', 'caller')),
        key text, reason text not null,
        state text not null check (state in ('running', 'done')),
        -- Segments that may still hold something, as gateway/number.
        waiting text[] not null, report jsonb not null,
        actor_kind text not null, actor_id text not null, requested_at timestamptz not null, finished_at timestamptz,
        primary key (workspace, id)
      );
      create index prediction_erasure_running on prediction_erasure (requested_at) where state = 'running';
    `,
  },
]

export const monitoringBlobColumns: BlobColumns = {
  'monitoring_profile.profile': NO_DIGESTS,
  'monitoring_watch.initial': NO_DIGESTS,
  'monitoring_watch.report': NO_DIGESTS,
  'monitoring_watch.state': NO_DIGESTS,
  'prediction_erasure.report': NO_DIGESTS,
}
