import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const deploymentMigrations: readonly Migration[] = [
  {
    id: '0060-deployments',
    sql: `
      create table endpoint (
        workspace text not null, name text not null, model text not null, champion_version int not null,
        state text not null check (state in ('preparing', 'serving', 'broken')), problem text,
        replay boolean not null, policy jsonb not null, columns jsonb not null, created_at timestamptz not null,
        primary key (workspace, name)
      );
      create table rollout (
        workspace text not null, id uuid not null, endpoint text not null, model text not null, version int not null,
        champion_version int not null, approval uuid, policy jsonb not null,
        kind text not null check (kind in ('queued', 'shadow', 'canary', 'promoted', 'rolled_back', 'dropped')),
        state jsonb not null, stage int not null, reason text not null, next_look text,
        snapshot_version bigint, confirmed boolean not null default true,
        last_event uuid not null, correlation uuid not null,
        created_at timestamptz not null, finished_at timestamptz,
        primary key (workspace, id), foreign key (workspace, endpoint) references endpoint
      );
      create unique index rollout_one_live on rollout (workspace, endpoint) where kind in ('shadow', 'canary');
      create unique index rollout_approval on rollout (workspace, approval);
      create index rollout_endpoint on rollout (workspace, endpoint, created_at);
      create table rollout_decision (
        workspace text not null, rollout uuid not null, id uuid not null,
        kind text not null check (kind in ('hold', 'shift', 'promote', 'roll_back')),
        reason text not null, next_look text, actor_kind text not null, actor_id text not null,
        -- The exact arguments of the rule, so that the decision can be computed again; null for a person's.
        input jsonb, evidence jsonb not null,
        event_time timestamptz, decided_at timestamptz not null,
        primary key (workspace, rollout, id)
      );
    `,
  },
  {
    id: '0061-rollout-evidence',
    sql: `
      create table rollout_evidence (
        workspace text not null, rollout uuid not null, endpoint text not null, open boolean not null, state jsonb not null,
        primary key (workspace, rollout)
      );
      create unique index rollout_evidence_open on rollout_evidence (workspace, endpoint) where open;
      -- A caller's requests at one stage. The caller is a hash.
      create table rollout_caller (
        workspace text not null, rollout uuid not null, caller text not null, stage int not null,
        weight_percent float8 not null, candidate boolean not null, rho float8 not null,
        errors int not null, requests int not null, expected_errors float8 not null, first_seen bigint not null,
        -- The rules by which its unit has closed; done: all of them.
        closed text[] not null, done boolean not null,
        primary key (workspace, rollout, caller, stage)
      );
      create index rollout_caller_open on rollout_caller (workspace, rollout, first_seen) where not done;
      -- A version's prediction of a thing that waits for the other version's.
      create table rollout_half (
        workspace text not null, rollout uuid not null, prediction uuid not null, entity text not null, candidate boolean not null,
        value float8, failed boolean not null, event_time timestamptz not null,
        primary key (workspace, rollout, prediction, entity, candidate)
      );
      create index rollout_half_entity on rollout_half (workspace, rollout, entity);
      -- The first pair of each thing, and its label once that is known.
      create table rollout_pair (
        workspace text not null, rollout uuid not null, entity text not null, stage int not null,
        champion float8, candidate float8, champion_failed boolean not null, candidate_failed boolean not null,
        event_time timestamptz not null, label float8,
        primary key (workspace, rollout, entity)
      );
      -- Labels that came before their pair was read from the log.
      create table rollout_label (
        workspace text not null, rollout uuid not null, entity text not null, value float8 not null, known_at timestamptz not null,
        primary key (workspace, rollout, entity)
      );
    `,
  },
]

export const deploymentBlobColumns: BlobColumns = {
  'endpoint.columns': NO_DIGESTS,
  'endpoint.input': NO_DIGESTS,
  'endpoint.policy': NO_DIGESTS,
  'evidence_rollout.policy': NO_DIGESTS,
  'rollout.own_policy': NO_DIGESTS,
  'rollout.paused': NO_DIGESTS,
  'rollout.policy': NO_DIGESTS,
  'rollout.state': NO_DIGESTS,
  'rollout.tried': NO_DIGESTS,
  'rollout_half.said': NO_DIGESTS,
  'rollout_pair.candidate_said': NO_DIGESTS,
  'rollout_pair.champion_said': NO_DIGESTS,
  'rollout_stage.weights': NO_DIGESTS,
  'rollout_decision.evidence': NO_DIGESTS,
  'rollout_decision.input': NO_DIGESTS,
  'rollout_evidence.state': NO_DIGESTS,
}

/** Since a waived version is promoted by proof alone: rollouts say which waiver let their version in. Those of before find it by their approval. */
export const waivedRolloutMigrations: readonly Migration[] = [
  {
    id: '0180-waived-rollouts',
    sql: `
      alter table rollout add column waiver uuid;
      update rollout set waiver = approval.waiver from approval
      where approval.workspace = rollout.workspace and approval.id = rollout.approval;
    `,
  },
]

/** Since models with tensors or without a signature are served: the endpoints of before have columns. */
export const endpointInputMigrations: readonly Migration[] = [
  {
    id: '0230-endpoint-input',
    sql: `alter table endpoint add column input jsonb not null default '{"kind": "columns"}'`,
  },
]

/** Since there are other strategies than canaries, rollouts that pause, and more kinds of evidence. */
export const strategyMigrations: readonly Migration[] = [
  {
    id: '0260-rollout-strategies',
    sql: `
      alter table rollout drop constraint rollout_kind_check;
      alter table rollout add constraint rollout_kind_check
        check (kind in ('queued', 'shadow', 'canary', 'ab', 'promoted', 'rolled_back', 'observed', 'dropped'));
      drop index rollout_one_live;
      create unique index rollout_one_live on rollout (workspace, endpoint) where kind in ('shadow', 'canary', 'ab');
      alter table rollout add column own_policy jsonb, add column tried jsonb not null default '[]', add column paused jsonb,
        add column stage_from timestamptz, add column limits_from timestamptz, add column next_look_at timestamptz,
        add column retry_of uuid, add column start_reason text;
      alter table rollout_decision drop constraint rollout_decision_kind_check;
      alter table rollout_decision add constraint rollout_decision_kind_check
        check (kind in ('hold', 'shift', 'promote', 'roll_back', 'pause', 'resume', 'finish'));
      alter table rollout_decision add column next_look_at timestamptz, add column weight_percent float8;
      -- Who had which share from when on: one row for each change of the routing.
      create table rollout_stage (
        workspace text not null, rollout uuid not null, stage int not null,
        kind text not null check (kind in ('shadow', 'canary', 'ab', 'end')), weights jsonb not null,
        at timestamptz not null, event_time timestamptz, snapshot_version bigint not null, confirmed_at timestamptz,
        primary key (workspace, rollout, stage)
      );
      create index rollout_stage_unconfirmed on rollout_stage (workspace, rollout) where confirmed_at is null;
      -- A rollout of several versions has evidence for each; the rollout's own id stands for the first.
      alter table rollout_evidence add column parent uuid, add column version text;
      drop index rollout_evidence_open;
      create index rollout_evidence_open on rollout_evidence (workspace, endpoint) where open;
      alter table rollout_caller add column slow int not null default 0, add column expected_slow float8 not null default 0,
        add column times_closed text[] not null default '{}';
      -- What the versions answered, of whatever type.
      alter table rollout_half add column said jsonb;
      alter table rollout_pair add column champion_said jsonb, add column candidate_said jsonb;
    `,
  },
]

/** Since rollouts that another platform carries out are judged here. */
export const evidenceRolloutMigrations: readonly Migration[] = [
  {
    id: '0261-evidence-rollouts',
    sql: `
      create table evidence_rollout (
        workspace text not null, id uuid not null, name text not null, policy jsonb not null,
        state text not null check (state in ('open', 'ended')),
        verdict text not null check (verdict in ('promote', 'roll_back', 'hold')), reason text not null,
        created_at timestamptz not null, ended_at timestamptz,
        primary key (workspace, id)
      );
      create index evidence_rollout_created on evidence_rollout (workspace, created_at);
      -- Reports that were counted: one that is sent again counts nothing.
      create table evidence_report (
        workspace text not null, rollout uuid not null, report text not null, at timestamptz not null,
        primary key (workspace, rollout, report)
      );
    `,
  },
]

/** Since a proof may read labels at one age: which pairs have reached it. */
export const labelAgeMigrations: readonly Migration[] = [
  {
    id: '0275-label-age',
    sql: `
      alter table rollout_pair add column aged boolean not null default false;
      create index rollout_pair_to_age on rollout_pair (workspace, rollout, event_time) where not aged;
    `,
  },
]
