import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const trafficMigrations: readonly Migration[] = [
  {
    id: '0250-traffic',
    sql: `
      -- A row for each minute of arrivals and version that answered in it. "stages": counts by bin of milliseconds, for each stage.
      create table traffic_minute (
        workspace text not null, endpoint text not null, minute timestamptz not null, version text not null,
        requests int not null, rows bigint not null, errors int not null, stages jsonb not null,
        primary key (workspace, endpoint, minute, version)
      );
      create index traffic_minute_age on traffic_minute (minute);
    `,
  },
]

export const trafficBlobColumns: BlobColumns = { 'traffic_minute.stages': NO_DIGESTS }
