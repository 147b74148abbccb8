import { type BlobColumns, type Migration, NO_DIGESTS } from '../platform/index.ts'

export const automationMigrations: readonly Migration[] = [
  {
    id: '0100-automation',
    sql: `
      create table retraining_decision (
        workspace text not null, id uuid not null, endpoint text not null, version int not null,
        verdict text not null, reason text not null, sentence text not null, numbers jsonb not null,
        decided_at timestamptz not null, as_of timestamptz, recorded_at timestamptz not null,
        -- The event that asked: a reaction that runs twice decides once.
        cause uuid not null, event uuid,
        outcome jsonb,
        primary key (workspace, id), unique (workspace, cause)
      );
      create index retraining_decision_endpoint on retraining_decision (workspace, endpoint, id);
    `,
  },
]

export const automationBlobColumns: BlobColumns = {
  'retraining_decision.numbers': NO_DIGESTS,
  'retraining_decision.outcome': NO_DIGESTS,
}
