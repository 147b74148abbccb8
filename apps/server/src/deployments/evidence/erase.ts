import { sql, type Tx } from '../../platform/index.ts'
import { callerHash } from './callers.ts'

/**
 * Takes a subject's name out of the evidence of rollouts: half pairs and labels go; a caller's counts and a pair that decisions were made of stay, under
 * a name that nobody can lead back. @returns rows by what they are
 */
export async function eraseEvidence(
  tx: Tx,
  subject: {
    readonly workspace: string
    readonly endpoint: string | null
    readonly kind: 'entity' | 'caller'
    readonly keys: readonly string[]
  },
): Promise<Record<string, number>> {
  const { workspace, endpoint, kind } = subject
  // A rollout of several versions keeps its evidence under a key for each.
  const rollouts = sql`(select rollout from rollout_evidence where workspace = ${workspace} and (${endpoint}::text is null or endpoint = ${endpoint}))`
  const nameless = sql`'erased:' || gen_random_uuid()`
  const count = async (statement: ReturnType<typeof sql>) => Number((await statement.execute(tx)).numAffectedRows ?? 0)
  const named = (column: string, keys: readonly string[]) =>
    sql`workspace = ${workspace} and rollout in ${rollouts} and ${sql.ref(column)} = any (${[...keys]}::text[])`
  if (kind === 'caller') {
    const { rows } = await sql<{ id: string }>`select id from ${rollouts} as mine (id)`.execute(tx)
    const hashes = rows.flatMap(({ id }) => subject.keys.map((caller) => callerHash(id, caller)))
    return {
      rolloutCallers: await count(sql`update rollout_caller set caller = ${nameless} where ${named('caller', hashes)}`),
    }
  }
  return {
    rolloutHalves: await count(sql`delete from rollout_half where ${named('entity', subject.keys)}`),
    rolloutLabels: await count(sql`delete from rollout_label where ${named('entity', subject.keys)}`),
    rolloutPairs: await count(sql`update rollout_pair set entity = ${nameless} where ${named('entity', subject.keys)}`),
  }
}
