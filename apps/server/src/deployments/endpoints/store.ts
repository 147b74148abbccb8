import { EndpointPolicy } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import type { Endpoint } from '../types.ts'

type Row = Omit<Endpoint, 'policy'> & { policy: unknown }

const COLUMNS = sql.raw(
  'workspace, name, model, champion_version as "championVersion", state, problem, replay, policy, columns, input, created_at as "createdAt"',
)

function endpointOf(row: Row | undefined): Endpoint | null {
  return row ? { ...row, policy: EndpointPolicy.parse(row.policy) } : null
}

/** The endpoint of that name; null when there is none. */
export async function endpointNamed(db: Queryable, workspace: string, name: string): Promise<Endpoint | null> {
  const { rows } =
    await sql<Row>`select ${COLUMNS} from endpoint where workspace = ${workspace} and name = ${name}`.execute(db)
  return endpointOf(rows[0])
}

/** The endpoint, locked: one change of its routing at a time. */
export async function lockEndpoint(tx: Tx, workspace: string, name: string): Promise<Endpoint | null> {
  const { rows } =
    await sql<Row>`select ${COLUMNS} from endpoint where workspace = ${workspace} and name = ${name} for update`.execute(
      tx,
    )
  return endpointOf(rows[0])
}

/** All endpoints, by name. */
export async function endpointsOf(db: Queryable, workspace: string): Promise<Endpoint[]> {
  const { rows } = await sql<Row>`select ${COLUMNS} from endpoint where workspace = ${workspace} order by name`.execute(
    db,
  )
  return rows.flatMap((row) => endpointOf(row) ?? [])
}

/** Adds an endpoint or changes it; its model and its birth stay. */
export async function saveEndpoint(tx: Tx, endpoint: Endpoint): Promise<void> {
  const { workspace, name, model, championVersion, state, problem, replay, policy, columns, input, createdAt } =
    endpoint
  await sql`
    insert into endpoint (workspace, name, model, champion_version, state, problem, replay, policy, columns, input, created_at)
    values (${workspace}, ${name}, ${model}, ${championVersion}, ${state}, ${problem}, ${replay}, ${JSON.stringify(policy)}::jsonb,
      ${JSON.stringify(columns)}::jsonb, ${JSON.stringify(input)}::jsonb, ${createdAt})
    on conflict (workspace, name) do update set champion_version = excluded.champion_version, state = excluded.state,
      problem = excluded.problem, replay = excluded.replay, policy = excluded.policy, columns = excluded.columns,
      input = excluded.input`.execute(tx)
}
