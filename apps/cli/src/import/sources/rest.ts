import { createHash } from 'node:crypto'
import type { Series } from '@tidemark/mlflow-protocol/checksum'
import type { z } from 'zod'
import type { LeftOut, Source, SourceModel, SourceRun, SourceVersion } from '../source.ts'
import { isMissing, type MlflowHttp } from './http.ts'
import { webhookLeftOut } from './left-out.ts'
import * as wire from './wire.ts'

const API = '/api/2.0/mlflow'
const RUNS_PER_PAGE = 500
const POINTS_PER_PAGE = 25_000
/** Histories asked for at the same time: one request each, which a server answers in its own time. */
const AT_ONCE = 8
/** Points in one bundle, about. */
const POINTS_PER_BUNDLE = 100_000
/** A prompt is a registered model with this tag, which plain searches hide. */
const PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"

/** Reads an MLflow through the API that its own client uses. */
export function restSource(http: MlflowHttp, workspace: string): Source {
  /** All pages of a search. */
  async function* pages<T extends z.ZodType<{ next_page_token?: string | undefined }>>(
    ask: (token: string | undefined) => Promise<z.output<T>>,
  ): AsyncGenerator<z.output<T>> {
    let token: string | undefined
    do {
      const page: z.output<T> = await ask(token)
      yield page
      // A server that gives the same token for ever would be asked for ever.
      if (page.next_page_token === token) return
      token = page.next_page_token || undefined
    } while (token !== undefined)
  }

  const paged = (token: string | undefined) => (token === undefined ? {} : { page_token: token })

  async function history(
    run: string,
    key: string,
  ): Promise<{ key: string; at: number[]; step: number[]; value: number[] }> {
    const series = { key, at: [] as number[], step: [] as number[], value: [] as number[] }
    const all = pages<typeof wire.History>((token) =>
      http.get(
        `${API}/metrics/get-history`,
        { run_id: run, metric_key: key, max_results: String(POINTS_PER_PAGE), ...paged(token) },
        wire.History,
      ),
    )
    for await (const { metrics } of all) {
      for (const { timestamp, step, value } of metrics) {
        if (!Number.isSafeInteger(timestamp) || !Number.isSafeInteger(step)) continue
        series.at.push(timestamp)
        series.step.push(step)
        series.value.push(value)
      }
    }
    return series
  }

  async function versionsByModel(): Promise<Map<string, wire.WireVersion[]>> {
    const versions = new Map<string, wire.WireVersion[]>()
    for (const filter of [undefined, PROMPTS]) {
      const query = { max_results: '1000', ...(filter === undefined ? {} : { filter }) }
      const all = pages<typeof wire.ModelVersions>((token) =>
        http.get(`${API}/model-versions/search`, { ...query, ...paged(token) }, wire.ModelVersions),
      )
      for await (const { model_versions } of all) {
        for (const version of model_versions) {
          versions.set(version.name, [...(versions.get(version.name) ?? []), version])
        }
      }
    }
    return versions
  }

  async function versionOf(found: wire.WireVersion): Promise<SourceVersion> {
    return {
      version: found.version,
      description: found.description,
      source: found.source,
      storageUri: await storageOf(found),
      run: found.run_id,
      runLink: found.run_link,
      stage: found.current_stage,
      status: found.status,
      user: found.user_id,
      createdMs: found.creation_timestamp,
      updatedMs: found.last_updated_timestamp ?? found.creation_timestamp,
      tags: found.tags,
    }
  }

  async function storageOf({ name, version, source }: wire.WireVersion): Promise<string> {
    // Only these are addresses of something else than files.
    if (!/^(models|runs):/.test(source)) return source
    const query = { name, version: String(version) }
    return (await http.get(`${API}/model-versions/get-download-uri`, query, wire.DownloadUri)).artifact_uri
  }

  return {
    name: workspace === 'default' ? http.url : `${http.url} (workspace ${workspace})`,

    async experiments() {
      const found = []
      const all = pages<typeof wire.Experiments>((token) =>
        http.post(
          `${API}/experiments/search`,
          { max_results: 1000, view_type: 'ALL', ...paged(token) },
          wire.Experiments,
        ),
      )
      for await (const { experiments } of all) found.push(...experiments)
      return found.map((experiment) => ({
        id: experiment.experiment_id,
        name: experiment.name,
        lifecycle: experiment.lifecycle_stage,
        createdMs: experiment.creation_time,
        updatedMs: experiment.last_update_time,
        tags: experiment.tags,
      }))
    },

    async *runs(experiment) {
      const question = {
        experiment_ids: [experiment],
        run_view_type: 'ALL',
        max_results: RUNS_PER_PAGE,
        // Oldest first: runs that begin meanwhile come at the end and move no page.
        order_by: ['attributes.start_time ASC'],
      }
      const all = pages<typeof wire.Runs>((token) =>
        http.post(`${API}/runs/search`, { ...question, ...paged(token) }, wire.Runs),
      )
      for await (const { runs } of all) yield runs.map((run) => runOf(run, experiment))
    },

    async *histories(runs) {
      let bundle = new Map<string, readonly Series[]>()
      let points = 0
      const wanted = runs.flatMap((run) => run.metricKeys.map((key) => ({ run: run.id, key })))
      const fetched = inOrder(wanted, AT_ONCE, ({ run, key }) => history(run, key))
      for (const run of runs) {
        const series: Series[] = []
        for (let left = run.metricKeys.length; left > 0; left -= 1) {
          const { value } = await fetched.next()
          if (value) series.push(value)
        }
        const count = series.reduce((sum, { at }) => sum + at.length, 0)
        if (bundle.size > 0 && points + count > POINTS_PER_BUNDLE) {
          yield bundle
          bundle = new Map()
          points = 0
        }
        bundle.set(run.id, series)
        points += count
      }
      if (bundle.size > 0) yield bundle
    },

    async *loggedModels(experiment) {
      const all = pages<typeof wire.LoggedModels>((token) =>
        http.post(
          `${API}/logged-models/search`,
          { experiment_ids: [experiment], max_results: 100, ...paged(token) },
          wire.LoggedModels,
        ),
      )
      for await (const { models } of all) {
        yield models.map(({ info, data }) => ({
          id: info.model_id,
          experiment,
          name: info.name,
          status: info.status,
          modelType: info.model_type,
          sourceRun: info.source_run_id,
          // A search shows no deleted ones.
          lifecycle: 'active' as const,
          createdMs: info.creation_timestamp_ms,
          updatedMs: info.last_updated_timestamp_ms,
          artifactUri: info.artifact_uri,
          tags: info.tags,
          parameters: data.params,
          metrics: data.metrics.map((metric) => ({
            key: metric.key,
            value: metric.value,
            atMs: metric.timestamp,
            step: metric.step,
            run: metric.run_id,
            datasetName: metric.dataset_name,
            datasetDigest: metric.dataset_digest,
          })),
        }))
      }
    },

    async *models(): AsyncGenerator<SourceModel> {
      const versions = await versionsByModel()
      for (const filter of [undefined, PROMPTS]) {
        const query = { max_results: '1000', ...(filter === undefined ? {} : { filter }) }
        const all = pages<typeof wire.RegisteredModels>((token) =>
          http.get(`${API}/registered-models/search`, { ...query, ...paged(token) }, wire.RegisteredModels),
        )
        for await (const { registered_models } of all) {
          for (const model of registered_models) {
            const own: SourceVersion[] = []
            for (const version of versions.get(model.name) ?? []) own.push(await versionOf(version))
            yield {
              name: model.name,
              description: model.description,
              createdMs: model.creation_timestamp,
              updatedMs: model.last_updated_timestamp ?? model.creation_timestamp,
              lastVersion: Math.max(0, ...own.map(({ version }) => version)),
              tags: model.tags,
              versions: own,
              aliases: model.aliases,
            }
          }
        }
      }
    },

    async leftOut(): Promise<LeftOut[]> {
      const reason = 'only its database shows it: import from that to have it'
      const found: LeftOut[] = [{ what: 'deleted logged models and traces', count: 0, reason }]
      try {
        const { webhooks } = await http.get(`${API}/webhooks`, {}, wire.Webhooks)
        for (const { name, url } of webhooks) {
          const [what, count, why] = webhookLeftOut(name, url)
          found.push({ what, count, reason: why })
        }
      } catch (error) {
        // Older servers have none, and one on files refuses the question.
        if (!isMissing(error)) found.push({ what: 'webhooks', count: 0, reason: 'the server does not list them' })
      }
      return found
    },

    close: async () => {},
  }
}

function runOf({ info, data, inputs, outputs }: wire.WireRun, experiment: string): SourceRun {
  const ended = info.status !== 'RUNNING' && info.status !== 'SCHEDULED'
  const run = {
    id: info.run_id,
    experiment,
    name: info.run_name || (data.tags.find((tag) => tag.key === 'mlflow.runName')?.value ?? ''),
    user: info.user_id,
    status: info.status,
    startMs: info.start_time,
    endMs: info.end_time ?? null,
    lifecycle: info.lifecycle_stage,
    artifactUri: info.artifact_uri,
    parameters: data.params,
    tags: data.tags,
    inputs: inputs.dataset_inputs.map(({ tags, dataset }) => ({
      name: dataset.name,
      digest: dataset.digest,
      sourceType: dataset.source_type,
      source: dataset.source,
      schema: dataset.schema ?? null,
      profile: dataset.profile ?? null,
      tags,
    })),
    models: [
      ...inputs.model_inputs.map(({ model_id }) => ({ role: 'input' as const, model: model_id, step: 0 })),
      ...outputs.model_outputs.map(({ model_id, step }) => ({ role: 'output' as const, model: model_id, step })),
    ],
    metricKeys: data.metrics.map(({ key }) => key),
  }
  const seen = JSON.stringify([run, data.metrics])
  return { ...run, stamp: ended ? createHash('sha256').update(seen).digest('hex') : null }
}

/** The results of work on each item, in their order, with so many at work at once. */
async function* inOrder<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): AsyncGenerator<R> {
  const underWay: Promise<R>[] = []
  let next = 0
  const start = () => {
    const item = items[next]
    next += 1
    if (item === undefined) return
    const promise = work(item)
    // Its failure is told when its turn comes; until then nobody listens.
    promise.catch(() => {})
    underWay.push(promise)
  }
  for (let place = 0; place < Math.min(atOnce, items.length); place += 1) start()
  for (let promise = underWay.shift(); promise; promise = underWay.shift()) {
    const result = await promise
    start()
    yield result
  }
}
