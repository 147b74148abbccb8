import type { JsonValue, RolloutDistribution, RolloutPair } from '@tidemark/contracts'
import { type Queryable, sql } from '../../platform/index.ts'
import type { EvidenceOwner } from '../evidence/store.ts'

const BINS = 20

/** A version's evidence, by the version's name. */
type Compared = EvidenceOwner & { readonly version: string }

/** Things that the champion and a version on trial predicted: failures of one alone first, then the largest disagreement. */
export async function pairsOf(db: Queryable, owned: readonly Compared[], limit: number): Promise<RolloutPair[]> {
  const [first] = owned
  if (!first) return []
  const versions = new Map(owned.map(({ rollout, version }) => [rollout, version]))
  const { rows } = await sql<{
    rollout: string
    entity: string
    champion: number | null
    candidate: number | null
    championSaid: JsonValue
    candidateSaid: JsonValue
    difference: number | null
    label: number | null
    event_time: Date
  }>`
    select rollout, entity, champion, candidate, champion_said as "championSaid", candidate_said as "candidateSaid",
      abs(candidate - champion) as difference, label, event_time
    from rollout_pair where workspace = ${first.workspace} and rollout = any(${[...versions.keys()]}::uuid[])
    order by champion_failed <> candidate_failed desc, abs(candidate - champion) desc nulls last,
      champion_said is distinct from candidate_said desc, entity, rollout
    limit ${limit}`.execute(db)
  return rows.map(({ rollout, championSaid, candidateSaid, champion, candidate, event_time, ...row }) => ({
    ...row,
    version: versions.get(rollout) ?? first.version,
    // Pairs of before answers of all types were kept have their numbers.
    champion: championSaid ?? champion,
    candidate: candidateSaid ?? candidate,
    eventTime: event_time.toISOString(),
  }))
}

/** How the numbers of both are distributed over the same things; null when there are none, or all are one number. */
export async function distributionOf(db: Queryable, owner: Compared): Promise<RolloutDistribution | null> {
  const own = sql`workspace = ${owner.workspace} and rollout = ${owner.rollout} and champion is not null and candidate is not null`
  const { rows: ranges } = await sql<{ from: number | null; to: number | null }>`
    select min(least(champion, candidate)) as "from", max(greatest(champion, candidate)) as "to" from rollout_pair where ${own}`.execute(
    db,
  )
  const { from = null, to = null } = ranges[0] ?? {}
  if (from === null || to === null || from === to) return null
  const { rows } = await sql<{ bin: number; champion: number; candidate: number }>`
    with value as (
      select champion as value, 1 as champion, 0 as candidate from rollout_pair where ${own}
      union all select candidate, 0, 1 from rollout_pair where ${own}
    )
    select least(${BINS}, width_bucket(value, ${from}, ${to}, ${BINS})) as bin, sum(champion) as champion, sum(candidate) as candidate
    from value group by 1`.execute(db)
  const counts = (arm: 'champion' | 'candidate') =>
    Array.from({ length: BINS }, (_, bin) => Number(rows.find((row) => row.bin === bin + 1)?.[arm] ?? 0))
  return { version: owner.version, from, to, champion: counts('champion'), candidate: counts('candidate') }
}
