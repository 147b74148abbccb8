import type { BlobColumns, Migration } from '../platform/index.ts'

export const identityMigrations: readonly Migration[] = [
  {
    id: '0140-identity',
    sql: `
      create table workspace (
        name text primary key, description text not null default '', created_at timestamptz not null default now()
      );
      insert into workspace (name) values ('default');
      -- "user" is a reserved word. The number is the id that MLflow's client of users knows.
      create table person (
        id uuid primary key, number int generated always as identity unique, name text not null unique, password_hash text not null,
        created_at timestamptz not null default now()
      );
      -- "*" stands for every workspace: the admins of the platform, and only they.
      create table membership (
        person uuid not null references person (id) on delete cascade, workspace text not null,
        role text not null check (role in ('viewer', 'editor', 'owner', 'admin')), since timestamptz not null default now(),
        primary key (person, workspace), check ((workspace = '*') = (role = 'admin'))
      );
      create index membership_workspace on membership (workspace);
      -- The secrets of tokens and sessions are not here: only their SHA-256.
      create table service_token (
        id uuid primary key, hash bytea not null unique, name text not null, workspace text not null,
        role text not null check (role in ('viewer', 'editor', 'owner', 'admin')), permissions text[],
        -- The person whose rights it borrows, and with whom it ends; null for tokens of a workspace.
        person uuid references person (id) on delete cascade, created_by text not null,
        -- The token that the first start printed: it counts as an admin only once it was used.
        first boolean not null default false,
        created_at timestamptz not null default now(), expires_at timestamptz not null, revoked_at timestamptz, last_used_at timestamptz,
        check ((workspace = '*') = (role = 'admin'))
      );
      create index service_token_workspace on service_token (workspace, created_at desc);
      create table person_session (
        hash bytea primary key, person uuid not null references person (id) on delete cascade,
        created_at timestamptz not null, seen_at timestamptz not null
      );
      create index person_session_person on person_session (person);
    `,
  },
]

/** Since tokens may be for some endpoints alone. */
export const tokenScopeMigrations: readonly Migration[] = [
  { id: '0220-token-endpoints', sql: 'alter table service_token add column endpoints text[];' },
]

const SECRET = { not: 'is the hash of a secret' }

export const identityBlobColumns: BlobColumns = {
  'person.password_hash': SECRET,
  'person_session.hash': SECRET,
  'service_token.hash': SECRET,
}
