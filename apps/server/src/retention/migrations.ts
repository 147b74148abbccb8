import type { Migration } from '../platform/index.ts'

export const retentionMigrations: readonly Migration[] = [
  {
    id: '0172-retention',
    sql: `
      -- A workspace without a row keeps what is deleted for ever.
      create table retention_policy (
        workspace text primary key, older_than_days int not null check (older_than_days > 0), last_run_at timestamptz
      );
    `,
  },
]
