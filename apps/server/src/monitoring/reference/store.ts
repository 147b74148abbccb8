import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'
import { Profile } from './profile.ts'

export interface StoredProfile {
  readonly id: string
  readonly model: string
  readonly version: number
  readonly adoptedAt: Date
  readonly profile: Profile
}

interface ProfileRow {
  id: string
  model: string
  version: number
  adopted_at: Date
  profile: unknown
}

const profileOf = (row: ProfileRow | undefined): StoredProfile | null =>
  row ? { ...row, adoptedAt: row.adopted_at, profile: Profile.parse(row.profile) } : null

/** The reference of a version at an endpoint. */
export async function profileOfVersion(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  model: string,
  version: number,
): Promise<StoredProfile | null> {
  const { rows } = await sql<ProfileRow>`
    select id, model, version, adopted_at, profile from monitoring_profile
    where workspace = ${workspace} and endpoint = ${endpoint} and model = ${model} and version = ${version}`.execute(db)
  return profileOf(rows[0])
}

export async function profileById(db: Queryable, workspace: string, id: string): Promise<StoredProfile | null> {
  const { rows } = await sql<ProfileRow>`
    select id, model, version, adopted_at, profile from monitoring_profile where workspace = ${workspace} and id = ${id}`.execute(
    db,
  )
  return profileOf(rows[0])
}

/** Stores a version's profile; the one that is there already stays. */
export async function insertProfile(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  profile: StoredProfile,
): Promise<void> {
  await sql`
    insert into monitoring_profile (workspace, id, endpoint, model, version, profile, adopted_at)
    values (${workspace}, ${profile.id}, ${endpoint}, ${profile.model}, ${profile.version}, ${JSON.stringify(profile.profile)}::jsonb,
      ${profile.adoptedAt})
    on conflict do nothing`.execute(tx)
}
