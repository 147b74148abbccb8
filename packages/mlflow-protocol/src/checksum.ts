import { createHash, type Hash } from 'node:crypto'

// One SHA-256 for the content of a thing, whoever holds it: a source that is read and the platform that was written must agree on it. Lists
// are sorted by the code units of their keys, so that the order of a database or of a reply is no matter. What an import may have to change
// (an experiment's id, the address of artifacts) is left out.

interface Pair {
  readonly key: string
  readonly value: string
}

/** The points of one metric as columns of equal length, in any order. NaN is a value. */
export interface Series {
  readonly key: string
  readonly at: readonly number[]
  readonly step: readonly number[]
  readonly value: readonly number[]
}

export interface RunContent {
  readonly id: string
  readonly name: string
  readonly user: string
  readonly status: string
  readonly startMs: number
  readonly endMs: number | null
  readonly lifecycle: string
  readonly parameters: readonly Pair[]
  readonly tags: readonly Pair[]
  readonly inputs: readonly {
    readonly name: string
    readonly digest: string
    readonly sourceType: string
    readonly source: string
    readonly schema: string | null
    readonly profile: string | null
    readonly tags: readonly Pair[]
  }[]
  readonly models: readonly { readonly role: string; readonly model: string; readonly step: number }[]
  readonly metrics: readonly Series[]
}

export interface LoggedModelContent {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly modelType: string
  readonly sourceRun: string
  readonly lifecycle: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly tags: readonly Pair[]
  readonly parameters: readonly Pair[]
  readonly metrics: readonly {
    readonly key: string
    readonly value: number
    readonly atMs: number
    readonly step: number
    readonly run: string
    readonly datasetName: string
    readonly datasetDigest: string
  }[]
}

export interface RegisteredModelContent {
  readonly name: string
  readonly description: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly tags: readonly Pair[]
  readonly aliases: readonly { readonly alias: string; readonly version: number }[]
  readonly versions: readonly {
    readonly version: number
    readonly description: string
    readonly run: string
    readonly runLink: string
    readonly stage: string
    readonly user: string
    readonly createdMs: number
    readonly updatedMs: number
    readonly tags: readonly Pair[]
  }[]
}

/** A run: what is known of it, and every point ever logged. */
export function runChecksum(run: RunContent): string {
  const hash = createHash('sha256')
  line(hash, 'run', run.id, run.name, run.user, run.status, run.startMs, run.endMs, run.lifecycle)
  pairs(hash, 'parameter', run.parameters)
  pairs(hash, 'tag', run.tags)
  for (const input of sorted(run.inputs, ({ name, digest }) => `${name}\0${digest}`)) {
    line(hash, 'input', input.name, input.digest, input.sourceType, input.source, input.schema, input.profile)
    pairs(hash, 'input tag', input.tags)
  }
  for (const { role, model, step } of sorted(run.models, ({ role, model }) => `${role}\0${model}`)) {
    line(hash, 'model', role, model, step)
  }
  for (const series of sorted(run.metrics, ({ key }) => key)) points(hash, series)
  return `sha256:${hash.digest('hex')}`
}

/** An experiment that is not joined with another: its name, life and tags. */
export function experimentChecksum(experiment: {
  readonly name: string
  readonly lifecycle: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly tags: readonly Pair[]
}): string {
  const hash = createHash('sha256')
  const { name, lifecycle, createdMs, updatedMs } = experiment
  line(hash, 'experiment', name, lifecycle, createdMs, updatedMs)
  pairs(hash, 'tag', experiment.tags)
  return `sha256:${hash.digest('hex')}`
}

export function loggedModelChecksum(model: LoggedModelContent): string {
  const hash = createHash('sha256')
  const { id, name, status, modelType, sourceRun, lifecycle, createdMs, updatedMs } = model
  line(hash, 'logged model', id, name, status, modelType, sourceRun, lifecycle, createdMs, updatedMs)
  pairs(hash, 'tag', model.tags)
  pairs(hash, 'parameter', model.parameters)
  const lines = model.metrics.map((m) =>
    JSON.stringify([m.key, m.run, m.atMs, m.step, number(m.value), m.datasetName, m.datasetDigest]),
  )
  for (const text of lines.sort()) hash.update(`${text}\n`)
  return `sha256:${hash.digest('hex')}`
}

/** A registered model with its versions and aliases. The files of a version are compared one by one instead. */
export function registeredModelChecksum(model: RegisteredModelContent): string {
  const hash = createHash('sha256')
  line(hash, 'registered model', model.name, model.description, model.createdMs, model.updatedMs)
  pairs(hash, 'tag', model.tags)
  for (const { alias, version } of sorted(model.aliases, (item) => item.alias)) line(hash, 'alias', alias, version)
  for (const v of [...model.versions].sort((a, b) => a.version - b.version)) {
    line(hash, 'version', v.version, v.description, v.run, v.runLink, v.stage, v.user, v.createdMs, v.updatedMs)
    pairs(hash, 'version tag', v.tags)
  }
  return `sha256:${hash.digest('hex')}`
}

/** A list of files by path: names, sizes and, where they were read, the SHA-256 of each. */
export function filesChecksum(
  files: readonly { readonly path: string; readonly bytes: number; readonly digest?: string }[],
): string {
  const hash = createHash('sha256')
  for (const { path, bytes, digest } of sorted(files, (file) => file.path)) line(hash, path, bytes, digest ?? null)
  return `sha256:${hash.digest('hex')}`
}

function line(hash: Hash, ...fields: readonly (string | number | null)[]): void {
  hash.update(`${JSON.stringify(fields)}\n`)
}

function pairs(hash: Hash, kind: string, list: readonly Pair[]): void {
  for (const { key, value } of sorted(list, (pair) => pair.key)) line(hash, kind, key, value)
}

/** Twice the bytes of JSON would be hashed for a long history: columns of doubles are as exact and many times quicker. */
function points(hash: Hash, { key, at, step, value }: Series): void {
  line(hash, 'metric', key, at.length)
  const order = inOrder(at, step, value)
  const column = new Float64Array(at.length * 3)
  for (let place = 0; place < at.length; place += 1) {
    const index = order ? (order[place] ?? 0) : place
    column[place * 3] = step[index] ?? 0
    column[place * 3 + 1] = at[index] ?? 0
    // Adding 0 makes one zero of the two: no database keeps both apart. Every NaN is the same one.
    const point = value[index] ?? Number.NaN
    column[place * 3 + 2] = Number.isNaN(point) ? Number.NaN : point + 0
  }
  hash.update(new Uint8Array(column.buffer))
}

/** The order of points by step, time and value; null when they come in it. */
function inOrder(at: readonly number[], step: readonly number[], value: readonly number[]): Uint32Array | null {
  const of = (list: readonly number[], index: number) => list[index] ?? 0
  const compare = (a: number, b: number) =>
    of(step, a) - of(step, b) || of(at, a) - of(at, b) || rank(of(value, a)) - rank(of(value, b)) || 0
  let sorted = true
  for (let index = 1; sorted && index < at.length; index += 1) sorted = compare(index - 1, index) <= 0
  return sorted ? null : Uint32Array.from(at.keys()).sort(compare)
}

// A NaN stands behind all others. No stored value is infinite, so only two NaNs differ by no number, which counts as 0.
function rank(value: number): number {
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value
}

function number(value: number): number | null {
  return Number.isNaN(value) ? null : value + 0
}

function sorted<T>(list: readonly T[], key: (item: T) => string): T[] {
  return [...list].sort((a, b) => {
    const [left, right] = [key(a), key(b)]
    return left < right ? -1 : left > right ? 1 : 0
  })
}
