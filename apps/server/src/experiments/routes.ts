import { experiments as contract, type Run as RunReply, type RunSummary } from '@tidemark/contracts'
import { offsetOf, type ViewTypeName } from '@tidemark/mlflow-protocol'
import { type HttpServer, mount, type Platform } from '../platform/index.ts'
import type { Artifacts } from './artifacts.ts'
import { columnsOf } from './columns.ts'
import { downsample, finite } from './downsample.ts'
import type { RunHistory } from './history.ts'
import type { ExperimentPorts } from './index.ts'
import type { LoggedModels } from './loggedModels.ts'
import { originOf } from './origin.ts'
import { unpackedRun } from './packedRun.ts'
import { runCounts } from './runCountStore.ts'
import type { Tracking } from './tracking.ts'
import type { Experiment, Run, RunInfo } from './types.ts'

const VIEWS: Readonly<Record<'active' | 'deleted' | 'all', ViewTypeName>> = {
  active: 'ACTIVE_ONLY',
  deleted: 'DELETED_ONLY',
  all: 'ALL',
}
const MOST_EXPERIMENTS = 50_000

interface Parts {
  readonly tracking: Tracking
  readonly history: RunHistory
  readonly artifacts: Artifacts
  readonly models: LoggedModels
}

/** The own API of experiments and runs. */
export function experimentApi(app: HttpServer, platform: Platform, parts: Parts, ports: ExperimentPorts): void {
  const { tracking, history, artifacts, models } = parts

  mount(app, contract.listExperiments, async ({ query }, { actor }) => {
    const view = VIEWS[query.lifecycle]
    const question = { view, filter: undefined, orderBy: undefined, offset: 0, limit: MOST_EXPERIMENTS }
    const [found, counts] = await Promise.all([
      tracking.searchExperiments(actor, question),
      runCounts(platform.db, actor.workspace),
    ])
    const newest = (experiment: Experiment) => counts.get(experiment.id)?.lastStartMs ?? experiment.createdMs
    return {
      experiments: found
        .toSorted((a, b) => newest(b) - newest(a))
        .map((experiment) => ({
          id: String(experiment.id),
          name: experiment.name,
          lifecycle: experiment.lifecycle,
          tags: record(experiment.tags),
          runs: counts.get(experiment.id)?.runs ?? 0,
          lastRunAt: instant(counts.get(experiment.id)?.lastStartMs ?? null),
          createdAt: new Date(experiment.createdMs).toISOString(),
          updatedAt: new Date(experiment.updatedMs).toISOString(),
        })),
    }
  })

  mount(app, contract.searchRuns, async ({ query }, { actor }) => {
    const chosen = query.experiment === undefined ? null : await tracking.experiment(actor, query.experiment)
    const search = {
      experiments: chosen ? [chosen.id] : null,
      view: VIEWS[query.lifecycle],
      filter: query.filter,
      orderBy: splitKeys(query.orderBy),
    }
    const columns = query.columns === undefined ? null : columnsOf(splitKeys(query.columns))
    const [{ slices, next }, total, names] = await Promise.all([
      tracking.searchRuns(actor, search, { after: query.cursor, limit: query.limit, columns }),
      tracking.countRuns(actor, search),
      experimentNames(tracking, actor),
    ])
    const runs: RunSummary[] = []
    for await (const slice of slices)
      for (const run of slice) runs.push(summaryOf(unpackedRun(run, tracking.keys), names))
    const seen = offsetOf(query.cursor) + runs.length
    return { runs, total, nextCursor: seen < total ? next : null }
  })

  mount(app, contract.countRuns, async ({ query }, { actor }) => {
    const chosen = query.experiment === undefined ? null : await tracking.experiment(actor, query.experiment)
    return {
      total: await tracking.countRuns(actor, {
        experiments: chosen ? [chosen.id] : null,
        view: VIEWS[query.lifecycle],
        filter: query.filter,
        orderBy: undefined,
      }),
    }
  })

  mount(app, contract.getRun, async ({ params }, { actor }) => {
    const run = await tracking.run(actor, params.run)
    const [names, versions, logged] = await Promise.all([
      experimentNames(tracking, actor),
      ports.versionsOfRun(platform.db, actor.workspace, run.id),
      Promise.all(run.models.map(({ model }) => models.byId(platform.db, actor.workspace, model))),
    ])
    return {
      ...headOf(run, names),
      tags: record(run.tags),
      parameters: [...run.parameters],
      metrics: run.metrics.map(({ key, value, step, atMs }) => ({
        key,
        value: finite(value),
        step,
        at: instant(atMs) ?? '',
      })),
      inputs: run.inputs.map((input) => ({
        dataset: input.name,
        digest: input.digest,
        sourceType: input.sourceType,
        source: input.source,
        context: input.tags.find((tag) => tag.key === 'mlflow.data.context')?.value ?? null,
      })),
      models: run.models.map(({ role, model, step }, index) => ({
        id: model,
        name: logged[index]?.name ?? model,
        role,
        step,
      })),
      versions: [...versions],
      origin: originOf(new Map(run.tags.map((tag) => [tag.key, tag.value]))),
    } satisfies RunReply
  })

  mount(app, contract.metricHistory, async ({ params, query }, { actor }) => {
    const points = await history.all(actor, params.run, query.key)
    return { key: query.key, total: points.length, points: downsample(points, query.points) }
  })

  mount(app, contract.listRunFiles, async ({ params }, { actor }) => {
    const run = await tracking.run(actor, params.run)
    return { files: await artifacts.filesOf(platform.db, actor.workspace, run.artifactUri) }
  })
}

type Names = ReadonlyMap<number, string>

async function experimentNames(
  tracking: Tracking,
  actor: Parameters<Tracking['searchExperiments']>[0],
): Promise<Names> {
  const all = await tracking.searchExperiments(actor, {
    view: 'ALL',
    filter: undefined,
    orderBy: undefined,
    offset: 0,
    limit: MOST_EXPERIMENTS,
  })
  return new Map(all.map((experiment) => [experiment.id, experiment.name]))
}

function headOf(run: RunInfo, names: Names) {
  return {
    id: run.id,
    name: run.name,
    experiment: { id: String(run.experiment), name: names.get(run.experiment) ?? '' },
    status: run.status,
    lifecycle: run.lifecycle,
    user: run.user,
    startedAt: instant(run.startMs) ?? '',
    endedAt: instant(run.endMs),
  }
}

function summaryOf(run: Run, names: Names): RunSummary {
  return {
    ...headOf(run, names),
    parameters: record(run.parameters),
    metrics: Object.fromEntries(run.metrics.map((metric) => [metric.key, finite(metric.value)])),
    tags: record(run.tags),
  }
}

function record(list: readonly { key: string; value: string }[]): Record<string, string> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value]))
}

// A client may send any integer as a time; what no calendar holds is shown as its nearest end.

function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(Math.max(-62_135_596_800_000, Math.min(ms, 253_402_300_799_999))).toISOString()
}

/** Splits `metrics."a,b" ASC, start_time DESC` at commas outside quotes. */
function splitKeys(text: string): string[] {
  return (text.match(/(?:"[^"]*"|`[^`]*`|[^,"`])+/g) ?? []).map((key) => key.trim()).filter((key) => key !== '')
}
