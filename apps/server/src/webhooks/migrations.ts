import type { Migration } from '../platform/index.ts'

export const webhookMigrations: readonly Migration[] = [
  {
    id: '0150-webhooks',
    sql: `
      create table webhook (
        workspace text not null, id uuid not null, name text not null, description text not null, url text not null,
        -- As in registered_model.created.
        events text[] not null,
        active boolean not null,
        -- Encrypted with the platform's key; null without one.
        secret bytea,
        created_ms bigint not null, updated_ms bigint not null,
        primary key (workspace, id), unique (id)
      );
      create index webhook_newest on webhook (workspace, created_ms desc, id);
      -- What is to be told, and how that went.
      create table webhook_delivery (
        id uuid primary key, webhook uuid not null references webhook (id) on delete cascade,
        -- Of the audit trail: a reaction that runs twice tells once.
        cause uuid not null, event text not null, body text not null,
        state text not null check (state in ('waiting', 'delivered', 'failed', 'dropped')),
        attempts int not null default 0, status int, problem text, response text,
        created_at timestamptz not null, finished_at timestamptz,
        unique (webhook, cause)
      );
      create index webhook_delivery_newest on webhook_delivery (webhook, created_at desc, id);
    `,
  },
]
