import assert from 'node:assert/strict'
import { HEADERS } from '@tidemark/contracts'
import { fixtureModel, until } from '../../server/src/deployments/gateways/testing.ts'
import { startTestServing, type TestServing } from '../../server/src/deployments/servingTesting.ts'
import { approve, replay, WORKSPACE, type World } from '../../server/src/deployments/testing.ts'
import { storeReplay } from './storedReplay.ts'

const { rows } = fixtureModel('champion')
/** What mlflow says of a model, as far as the pages show and use it. */
const ML_MODEL = `flavors:
  sklearn:
    sklearn_version: 1.9.1
signature:
  inputs: '[{"name": "budget", "type": "double", "required": true}, {"name": "running_time", "type": "double", "required": false}, {"name": "genre", "type": "string", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
`
const REQUESTS = 60

const world: World = {
  seed: 1,
  films: 900,
  visitsPerFilm: 8,
  callers: 300,
  championRating: (truth, normal) => truth * 0.5 + 3.1 + 0.6 * normal(),
  candidateRating: (_truth, champion, normal) => champion + 0.25 * normal(),
}

/** A platform whose endpoint `films` was asked, with rollouts of each end. */
export interface ServingSite {
  readonly serving: TestServing
  /** Of films/2, films/3 and films/4. */
  readonly rollouts: { readonly rolledBack: string; readonly promoted: string; readonly running: string }
  /** An answer that has a label. */
  readonly prediction: string
  stateOf(rollout: string): Promise<string>
}

export async function startServingSite(): Promise<ServingSite> {
  const serving = await startTestServing()
  try {
    return await fill(serving)
  } catch (error) {
    await serving.close()
    throw error
  }
}

async function fill(serving: TestServing): Promise<ServingSite> {
  const stateOf = async (id: string) => (await serving.rollouts.deployments.rolloutView(WORKSPACE, id)).state.kind
  /** Lets a version in and replays films until it came that far. */
  const rollOut = async (version: number, films: World, ends: readonly string[]) => {
    const id = await approve(serving.rollouts, version)
    assert.ok(id)
    await replay(serving.rollouts, films, async () => ends.includes(await stateOf(id)))
    return id
  }
  await register(serving.server.url, 'films', 4)
  const prediction = await askForFilms(serving)
  await storeReplay(serving.server.platform, prediction)
  // What else the server does with an approval needs versions that were really trained.
  await serving.server.platform.jobs.stop()
  const worse: World = { ...world, candidateRating: (_truth, champion) => champion - 0.7 }
  const rolledBack = await rollOut(2, worse, ['rolled_back'])
  const better: World = {
    ...world,
    seed: 2,
    candidateRating: (truth, champion) => champion + 0.3 * (truth - champion),
  }
  const promoted = await rollOut(3, better, ['promoted', 'rolled_back'])
  assert.equal(await stateOf(promoted), 'promoted')
  const running = await rollOut(4, { ...world, seed: 3, films: 70 }, ['promoted', 'rolled_back'])
  return { serving, rollouts: { rolledBack, promoted, running }, prediction, stateOf }
}

/** Asks until the page has something to draw. @returns the id of one answer, which has a label */
async function askForFilms({ server, gateway }: TestServing): Promise<string> {
  let prediction = ''
  for (let request = 0; request < REQUESTS; request += 1) {
    const input = request % 7 === 0 ? rows.slice(0, 3) : [rows[request % rows.length]]
    const answer = await gateway.ask(
      '/endpoints/films/invocations',
      { inputs: input },
      {
        [HEADERS.caller]: `visitor-${request % 9}`,
        [HEADERS.entity]: input.map((_, row) => `film-${request}${row === 0 ? '' : `-${row}`}`).join(','),
      },
    )
    assert.equal(answer.status, 200)
    if (request === 1) prediction = answer.body.prediction_id ?? ''
  }
  const params = { endpoint: 'films' }
  await until(async () => (await server.client.traffic.getTraffic({ params, query: {} })).requests >= REQUESTS)
  await server.client.monitoring.putLabels({ params, body: { labels: [{ prediction, value: 6.5 }] } })
  return prediction
}

/** Versions in the registry, as MLflow's client makes them. */
async function register(server: string, name: string, versions: number): Promise<void> {
  const post = async (path: string, body: object) => {
    const answer = await fetch(`${server}/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    assert.equal(answer.status, 200, path)
    return (await answer.json()) as { run?: { info: { run_id: string } } }
  }
  const { run } = await post('runs/create', { experiment_id: '0' })
  const file = `0/${run?.info.run_id}/artifacts/model/MLmodel`
  const kept = await fetch(`${server}/api/2.0/mlflow-artifacts/artifacts/${file}`, { method: 'PUT', body: ML_MODEL })
  assert.equal(kept.status, 200, file)
  await post('registered-models/create', { name })
  for (let version = 1; version <= versions; version += 1) {
    const id = run?.info.run_id
    await post('model-versions/create', { name, source: `runs:/${id}/model`, run_id: id })
  }
}
