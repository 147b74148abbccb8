import type { ImportedRun } from '@tidemark/contracts'
import { runChecksum, type Series } from '@tidemark/mlflow-protocol/checksum'
import { isObjectStore } from './artifacts.ts'
import type { Lanes } from './lanes.ts'
import type { Source, SourceRun } from './source.ts'
import type { Tally } from './tally.ts'
import type { Target } from './target.ts'

/** Points in one request, at most: about 4 MB of JSON. */
const POINTS_PER_REQUEST = 100_000

interface WholeRun extends SourceRun {
  readonly metrics: readonly Series[]
  readonly digest: string
}

/**
 * Brings a page of runs over, each with every point of its history, and reads each back.
 * @returns those that are here now
 */
export async function importRuns(
  page: readonly SourceRun[],
  source: Source,
  target: Target,
  tally: Tally,
  lanes: Lanes,
): Promise<SourceRun[]> {
  const good = page.filter((run) => {
    const problem = problemOf(run)
    if (problem) tally.skip('run', run.id, problem)
    return !problem
  })
  const known = await target.known(
    'run',
    good.map((run) => run.id),
  )
  const wanted = good.filter((run) => {
    const same = run.stamp !== null && known.get(run.id)?.stamp === run.stamp
    if (same) countRun(tally, run, 'unchanged')
    return !same
  })
  const skipped = new Set<string>()
  for await (const histories of source.histories(wanted)) {
    const runs: WholeRun[] = []
    for (const run of wanted) {
      const history = histories.get(run.id)
      if (!history) continue
      const whole = withDigest(run, history)
      // One that is known by another stamp is given once more, so that the next time its stamp is known.
      if (known.get(run.id)?.digest === whole.digest && run.stamp === null) countRun(tally, whole, 'unchanged')
      else runs.push(whole)
    }
    await lanes.begin(async () => {
      for (const id of await send(runs, target, tally)) skipped.add(id)
    })
  }
  await lanes.end()
  return good.filter((run) => !skipped.has(run.id))
}

/** Gives runs and checks what was written. @returns the ids of those that were refused */
async function send(runs: readonly WholeRun[], target: Target, tally: Tally): Promise<string[]> {
  const outcomes = new Map<string, { outcome: ImportedRunOutcome; reason: string | null }>()
  for (const body of requestsOf(runs)) {
    const { items } = await target.client.importRuns({ params: { import: target.id }, body: { runs: body } })
    // Of a run that goes in parts, the first one's answer tells what became of it.
    for (const { id, outcome, reason } of items) if (!outcomes.has(id)) outcomes.set(id, { outcome, reason })
  }
  const written = new Map<string, string>()
  const refused: string[] = []
  for (const run of runs) {
    const { outcome, reason } = outcomes.get(run.id) ?? {
      outcome: 'skipped',
      reason: 'The platform did not answer for it.',
    }
    if (outcome === 'skipped') {
      tally.skip('run', run.id, reason ?? '')
      refused.push(run.id)
      continue
    }
    countRun(tally, run, outcome)
    written.set(run.id, run.digest)
  }
  for (const id of await target.differing('run', written)) {
    const changed = outcomes.get(id)?.outcome
    if (changed === 'imported') tally.mismatch('run', id, 'it reads differently here')
    // Somebody added to it here: what the source has is there, and more.
    else tally.tell('run', id, 'It was changed here too, and keeps that.')
  }
  return refused
}

type ImportedRunOutcome = 'imported' | 'updated' | 'unchanged' | 'skipped'

function withDigest(run: SourceRun, history: readonly Series[]): WholeRun {
  const metrics = history.map((series) => ({ ...series, value: series.value.map(storable) }))
  return { ...run, metrics, digest: runChecksum({ ...run, metrics }) }
}

/** MLflow's databases hold no infinities but the greatest doubles; a server on files may still tell of them. */
function storable(value: number): number {
  return Math.abs(value) === Number.POSITIVE_INFINITY ? Math.sign(value) * Number.MAX_VALUE : value
}

function countRun(tally: Tally, run: SourceRun | WholeRun, outcome: 'imported' | 'updated' | 'unchanged'): void {
  tally.count('run', outcome)
  tally.count('parameter', outcome, run.parameters.length)
  tally.count('tag', outcome, run.tags.length)
  tally.count('input', outcome, run.inputs.length + run.models.length)
  if (!('metrics' in run)) return
  tally.count(
    'point',
    outcome,
    run.metrics.reduce((sum, { at }) => sum + at.length, 0),
  )
}

/** Why a run cannot come over, as far as one sees it. */
function problemOf(run: SourceRun): string | null {
  if (!/^[0-9a-f]{32}$/.test(run.id)) return 'its id is not 32 hex digits'
  const texts = [run.name, run.user, ...[...run.parameters, ...run.tags].flatMap(({ key, value }) => [key, value])]
  return texts.some((text) => text.includes('\0'))
    ? 'it has text with the character NUL, which PostgreSQL cannot store'
    : null
}

/** Runs in requests of few enough points. A run with more goes in parts, the last of which completes it. */
function* requestsOf(runs: readonly WholeRun[]): Generator<ImportedRun[]> {
  let request: ImportedRun[] = []
  let points = 0
  for (const run of runs) {
    const parts = [...partsOf(run.metrics)]
    for (const [index, metrics] of parts.entries()) {
      const count = metrics.reduce((sum, { at }) => sum + at.length, 0)
      // Parts of one run may not be in one request: a request names each run once.
      if (request.length > 0 && (points + count > POINTS_PER_REQUEST || index > 0)) {
        yield request
        request = []
        points = 0
      }
      request.push(
        wire(run, metrics, index === 0, index === parts.length - 1 ? (index === 0 ? 'whole' : 'last') : 'more follows'),
      )
      points += count
    }
  }
  if (request.length > 0) yield request
}

function* partsOf(metrics: readonly Series[]): Generator<Series[]> {
  let part: Series[] = []
  let points = 0
  for (const { key, at, step, value } of metrics) {
    for (let from = 0; from < at.length; ) {
      const to = Math.min(at.length, from + POINTS_PER_REQUEST - points)
      part.push({ key, at: at.slice(from, to), step: step.slice(from, to), value: value.slice(from, to) })
      points += to - from
      from = to
      if (points < POINTS_PER_REQUEST) continue
      yield part
      part = []
      points = 0
    }
  }
  if (part.length > 0 || points === 0) yield part
}

function wire(run: WholeRun, metrics: readonly Series[], first: boolean, part: ImportedRun['part']): ImportedRun {
  return {
    id: run.id,
    experiment: run.experiment,
    name: run.name,
    user: run.user,
    status: run.status,
    startMs: run.startMs,
    endMs: run.endMs,
    lifecycle: run.lifecycle,
    artifacts: isObjectStore(run.artifactUri) ? { kind: 'elsewhere', uri: run.artifactUri } : { kind: 'here' },
    parameters: first ? [...run.parameters] : [],
    tags: first ? [...run.tags] : [],
    inputs: first ? run.inputs.map((input) => ({ ...input, tags: [...input.tags] })) : [],
    models: first ? [...run.models] : [],
    metrics: metrics.map(({ key, at, step, value }) => ({
      key,
      at: [...at],
      step: [...step],
      value: value.map((point) => (Number.isNaN(point) ? null : point)),
    })),
    part,
    stamp: run.stamp ?? run.digest.slice('sha256:'.length),
    digest: run.digest,
  }
}
