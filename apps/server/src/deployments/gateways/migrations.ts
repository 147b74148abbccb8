import { type BlobColumns, type Migration, NO_DIGESTS } from '../../platform/index.ts'

export const gatewayMigrations: readonly Migration[] = [
  {
    id: '0050-gateways',
    sql: `
      -- One row: how often the configuration of the gateways changed. Locking it gives each change its number in commit order.
      create table gateway_configuration (
        one boolean primary key default true check (one), version bigint not null, issued_at timestamptz not null default now()
      );
      insert into gateway_configuration (version) values (0);
      -- What each endpoint serves now; all rows together are the snapshot.
      create table gateway_endpoint (
        workspace text not null, name text not null, snapshot jsonb not null, version bigint not null,
        primary key (workspace, name)
      );
      -- Gateways serve all workspaces of a platform. A row stays until its gateway says goodbye or its lease is long over.
      create table gateway (
        id text primary key, last_seen timestamptz not null, confirmed_version bigint, failed jsonb not null default '[]'
      );
    `,
  },
]

/** Since what is in an open segment of the log may have to be erased. */
export const segmentEndMigrations: readonly Migration[] = [
  {
    id: '0243-end-of-segments',
    sql: 'alter table gateway_configuration add column end_segments_before timestamptz;',
  },
]

export const gatewayBlobColumns: BlobColumns = {
  'gateway.failed': NO_DIGESTS,
  'gateway_endpoint.snapshot': 'holds',
}
