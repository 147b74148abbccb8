import type { Migration } from '../platform/index.ts'

/** "Why" finds events by what their payload names. */
export const namedInEventMigrations: readonly Migration[] = [
  {
    id: '0181-named-in-event',
    sql: ['evaluation', 'approval', 'waiver', 'decision']
      .map(
        (name) => `
          create index event_${name} on event (workspace, (payload ->> '${name}'), position)
            where payload ->> '${name}' is not null;`,
      )
      .join(''),
  },
]

export const governanceMigrations: readonly Migration[] = [
  {
    id: '0080-governance',
    sql: `
      create table approval (
        workspace text not null, id uuid not null, model text not null, version int not null, endpoint text not null,
        policy text not null check (policy in ('automatic', 'person')),
        state text not null check (state in ('waiting', 'approved', 'refused')),
        waiver uuid, actor_kind text, actor_id text, reason text,
        -- The event that asked; asked twice by the same event there is one approval. last_event is the cause of the decision's event.
        cause uuid, last_event uuid, correlation uuid not null,
        requested_at timestamptz not null, decided_at timestamptz,
        primary key (workspace, id)
      );
      create unique index approval_cause on approval (workspace, cause);
      create index approval_requested on approval (workspace, requested_at);
      create table waiver (
        workspace text not null, id uuid not null, model text not null, version int not null, endpoint text not null,
        evaluation uuid not null, gates text[] not null, reason text not null,
        actor_kind text not null, actor_id text not null, recorded_at timestamptz not null,
        primary key (workspace, id)
      );
    `,
  },
]
