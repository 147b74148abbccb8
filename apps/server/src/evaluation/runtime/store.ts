import { Runtime, RuntimeSwitch, RuntimeVerdict } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'

export interface VersionKey {
  readonly workspace: string
  readonly model: string
  readonly version: number
}

export type PythonRuntime = Extract<Runtime, { kind: 'python' }>

/** Where a version runs, and why. */
export interface StoredRuntime {
  /** Where it runs now. */
  readonly runtime: Runtime
  /** The same version in Python; null where it was decided before that was kept. */
  readonly python: PythonRuntime | null
  /** What the gate said, whatever came after. */
  readonly verdict: RuntimeVerdict
  readonly decidedAt: Date
  /** What ended its time as ONNX; null: nothing did. */
  readonly switched: RuntimeSwitch | null
}

/** Where a version runs, with the verdict of its parity check; null before it was measured. */
export async function runtimeOf(db: Queryable, key: VersionKey): Promise<StoredRuntime | null> {
  const { rows } = await sql<Record<'runtime' | 'python' | 'verdict' | 'switched', unknown> & { decidedAt: Date }>`
    select runtime, python, verdict, switched, decided_at as "decidedAt" from version_runtime
    where workspace = ${key.workspace} and model = ${key.model} and version = ${key.version}`.execute(db)
  const [row] = rows
  if (!row) return null
  return {
    runtime: Runtime.parse(row.runtime),
    python: row.python === null ? null : (Runtime.parse(row.python) as PythonRuntime),
    verdict: RuntimeVerdict.parse(row.verdict),
    decidedAt: row.decidedAt,
    switched: row.switched === null ? null : RuntimeSwitch.parse(row.switched),
  }
}

/** Keeps the first verdict: a version's files never change, and so neither does what its conversion is worth. @returns whether it was the first */
export async function saveRuntime(
  tx: Tx,
  key: VersionKey,
  decided: Pick<StoredRuntime, 'runtime' | 'verdict'> & { readonly python: PythonRuntime },
): Promise<boolean> {
  const { rows } = await sql`
    insert into version_runtime (workspace, model, version, runtime, python, verdict)
    values (${key.workspace}, ${key.model}, ${key.version}, ${JSON.stringify(decided.runtime)}::jsonb, ${JSON.stringify(decided.python)}::jsonb,
      ${JSON.stringify(decided.verdict)}::jsonb)
    on conflict do nothing returning model`.execute(tx)
  return rows.length === 1
}

/** Sends a converted version to Python, once. @returns false when it was there before, or is not known */
export async function switchToPython(
  tx: Tx,
  key: VersionKey,
  python: PythonRuntime,
  why: RuntimeSwitch,
): Promise<boolean> {
  const { rows } = await sql`
    update version_runtime set runtime = ${JSON.stringify(python)}::jsonb, python = ${JSON.stringify(python)}::jsonb, switched = ${JSON.stringify(why)}::jsonb
    where workspace = ${key.workspace} and model = ${key.model} and version = ${key.version} and runtime ->> 'kind' = 'onnx'
    returning model`.execute(tx)
  return rows.length === 1
}
