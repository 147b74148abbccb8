import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DatasetDefinition, EndpointPolicy } from '@tidemark/contracts'
import { parse } from 'yaml'
import type { Platform } from '../demo/context.ts'
import { type Film, filmsOf, monthStart, readFilms, scoringRow } from '../demo/films.ts'
import { settled, until } from '../demo/settle.ts'
import { Traffic } from '../demo/traffic.ts'
import { Visitors } from '../demo/visitors.ts'
import { applyPipeline } from '../pipelines/apply.ts'

/** What the seeded platform holds, by the names that its pages have in their addresses. */
export interface FilmYear {
  readonly run: string
  readonly curves: string
  readonly pipelineRun: string
  readonly rollout: string
  readonly prediction: string
}

const FOLDER = fileURLToPath(new URL('../../../../examples/films', import.meta.url))
const MONTHS = 16
/** Upstream sends budgets in thousands in these months. */
const FAULTY = [9, 10, 11]
const DAY = 86_400_000

/**
 * Fills an empty platform by its API and its gateway alone: films as a dataset, a trained version behind an endpoint, a second one let in by a
 * waiver and rolled out over sixteen months of real films, one input fault, and a run with curves.
 */
export async function seedFilmYear(platform: Platform): Promise<FilmYear> {
  const { client } = platform
  const rows = readFilms()
  const films = filmsOf(rows)
  const opening = monthStart(2000, 0)
  await client.data.defineDataset({
    body: DatasetDefinition.parse(parse(readFileSync(`${FOLDER}/dataset.yaml`, 'utf8'))),
  })
  const known = films.filter(({ released }) => released < opening || released > new Date('2010-12-31'))
  await client.data.appendRows({
    params: { dataset: 'films' },
    body: { rows: known.map(({ row }) => row), source: 'films released before the site opened' },
  })
  await applyPipeline(client, FOLDER)
  const first = await train(platform)
  await train(platform)
  const curves = await logCurves(platform)
  await openEndpoint(platform)
  const traffic = new Traffic(platform.gatewayUrl)
  const rollout = await letIn(platform)
  await replay(
    platform,
    traffic,
    films.filter(({ released }) => released >= opening),
  )
  traffic.close()
  return {
    run: first.mlflowRun ?? '',
    curves,
    pipelineRun: first.run,
    rollout,
    prediction: traffic.lastPredictionId ?? '',
  }
}

async function train({ client }: Platform) {
  const { run } = await client.pipelines.startRun({
    params: { pipeline: 'films' },
    body: { parameters: { asOf: '2000-01', trees: 60 } },
  })
  const ended = await until(
    `the end of pipeline run ${run}`,
    async () => {
      const now = await client.pipelines.getRun({ params: { run } })
      return now.endedAt ? now : undefined
    },
    240,
  )
  if (ended.state !== 'succeeded') throw new Error(`The pipeline ended as ${ended.state}: ${ended.reason}`)
  return ended
}

/** A run as MLflow's client logs it: parameters and two curves of 200 steps. @returns its id. */
async function logCurves({ url }: Platform): Promise<string> {
  const post = async (path: string, body: unknown): Promise<Record<string, never>> => {
    const response = await fetch(`${url}/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Record<string, never>
  }
  const now = Date.now()
  const experiment = (await post('experiments/create', { name: 'boosting' })) as { experiment_id?: string }
  const created = (await post('runs/create', {
    experiment_id: experiment.experiment_id,
    start_time: now - 60_000,
    run_name: 'boosted-trees',
  })) as { run?: { info?: { run_id?: string } } }
  const id = created.run?.info?.run_id ?? ''
  const steps = Array.from({ length: 200 }, (_, step) => step)
  await post('runs/log-batch', {
    run_id: id,
    params: [
      { key: 'learning_rate', value: '0.05' },
      { key: 'depth', value: '4' },
    ],
    metrics: steps.flatMap((step) => [
      { key: 'train_rmse', value: 0.7 + 0.6 * Math.exp(-step / 40), timestamp: now - 60_000 + step * 250, step },
      {
        key: 'holdout_rmse',
        value: 1.02 + 0.3 * Math.exp(-step / 25) + step / 4000,
        timestamp: now - 60_000 + step * 250,
        step,
      },
    ]),
  })
  await post('runs/update', { run_id: id, status: 'FINISHED', end_time: now })
  return id
}

async function openEndpoint({ client }: Platform): Promise<void> {
  const policy = EndpointPolicy.parse({
    approval: 'person',
    rollout: {
      shadow: { minEntities: 10 },
      canary: [
        { weightPercent: 10, minCallers: 40 },
        { weightPercent: 50, minCallers: 80 },
      ],
      // Few visitors and one year: wide margins let the equal version be proven, as a version let in by a waiver must be.
      errorMarginPercent: 15,
      lossMargin: 0.3,
      maxDays: 450,
    },
  })
  const params = { endpoint: 'films' }
  await client.deployments.putEndpoint({ params, body: { model: 'films', version: 1, replay: true, policy } })
  await until(
    'the endpoint to serve',
    async () => {
      const now = await client.deployments.getEndpoint({ params })
      if (now.state === 'broken') throw new Error(now.problem ?? 'The endpoint cannot serve.')
      return now.state === 'serving' ? now : undefined
    },
    240,
  )
}

/** Version 2 is no better than version 1, so the gates refuse it; a waiver starts its rollout. @returns the rollout's id. */
async function letIn({ client }: Platform): Promise<string> {
  const version = { model: 'films', version: 2, endpoint: 'films' }
  const { id } = await client.evaluation.startEvaluation({ body: version })
  const evaluation = await until('the gates of films/2', async () => {
    const now = await client.evaluation.getEvaluation({ params: { id } })
    return now.finishedAt ? now : undefined
  })
  const gates = evaluation.gates.filter(({ verdict }) => verdict === 'failed').map(({ name }) => name)
  await client.governance.recordWaiver({
    body: { ...version, gates, reason: 'An equal version, to see a rollout end well.' },
  })
  const rollout = await until('the rollout of films/2', async () => {
    const { rollouts } = await client.deployments.listRollouts({ query: { endpoint: 'films' } })
    return rollouts.find((each) => each.version === 2 && each.confirmed)
  })
  return rollout.id
}

/** Month after month: films come out, visitors ask, ratings of the month before become known. */
async function replay(platform: Platform, traffic: Traffic, films: readonly Film[]): Promise<void> {
  const { client } = platform
  const { columns } = await client.deployments.getEndpoint({ params: { endpoint: 'films' } })
  const visitors = new Visitors(7, 6)
  let unrated: readonly Film[] = []
  for (let month = 0; month < MONTHS; month += 1) {
    const until = monthStart(2000, month + 1)
    const released = films.filter((film) => film.released >= monthStart(2000, month) && film.released < until)
    const visits = released
      .flatMap((film) => visitors.visitsOf(film, until))
      .sort((a, b) => a.at.getTime() - b.at.getTime())
    await traffic.sendAll(
      visits.map(({ film, caller, at }) => ({
        endpoint: 'films',
        row: asSent(scoringRow(film, columns), month),
        caller,
        entity: film.entity,
        at,
      })),
    )
    const labels = unrated.flatMap(({ entity, rating, released: on }) =>
      rating === null ? [] : [{ entity, value: rating, knownAt: new Date(on.getTime() + 30 * DAY).toISOString() }],
    )
    if (labels.length > 0) await client.monitoring.putLabels({ params: { endpoint: 'films' }, body: { labels } })
    unrated = released
    await settled(platform)
  }
}

function asSent<Row extends Record<string, unknown>>(row: Row, month: number): Row {
  const budget = row['Production Budget']
  return FAULTY.includes(month) && typeof budget === 'number' ? { ...row, 'Production Budget': budget / 1000 } : row
}
