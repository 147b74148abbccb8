import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, createClient } from '@tidemark/contracts'
import { startTestServer, type TestServer } from '../../platform/testing.ts'
import { type Asked, askServer } from '../testing.ts'

const MLFLOW = '/api/2.0/mlflow'
const WORKSPACES = '/api/3.0/mlflow/workspaces'
const TEAMS = ['team-a', 'team-b'] as const
type Team = (typeof TEAMS)[number]

let server: TestServer
before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
  for (const name of TEAMS) assert.equal((await ask('default', 'POST', WORKSPACES, { name })).status, 201)
})
after(() => server.close())

/** Asks in a workspace, as MLflow's client does. */
function ask(workspace: string, method: string, path: string, body?: unknown): Promise<Asked> {
  const headers = { 'x-mlflow-workspace': workspace }
  return askServer(server.server.port, method, path, { headers, ...(body === undefined ? {} : { body }) })
}

/** A stored field of an answer, by its path: `run.info.run_id`. */
function field(answer: Asked, path: string): unknown {
  assert.ok(answer.status < 300, answer.text)
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], answer.json)
}

describe('the routes of MLflow for workspaces', () => {
  test('the server says that it has them, whatever workspace is named', async () => {
    const info = await ask('never-made', 'GET', '/api/3.0/mlflow/server-info')
    assert.equal(info.json.workspaces_enabled, true)
  })

  test('one is made with 201, read, described, listed by name, and deleted with 204', async () => {
    const made = await ask('default', 'POST', WORKSPACES, { name: 'short-lived', description: 'for a test' })
    assert.equal(made.status, 201)
    assert.deepEqual(made.json, { workspace: { name: 'short-lived', description: 'for a test' } })
    const described = await ask('default', 'PATCH', `${WORKSPACES}/short-lived`, { description: 'for one test' })
    assert.deepEqual(described.json, { workspace: { name: 'short-lived', description: 'for one test' } })
    assert.deepEqual((await ask('default', 'GET', `/ajax-api/3.0/mlflow/workspaces/short-lived`)).json, described.json)
    const listed = (await ask('default', 'GET', WORKSPACES)).json as { workspaces: { name: string }[] }
    assert.deepEqual(
      listed.workspaces.map(({ name }) => name),
      ['default', 'short-lived', ...TEAMS],
    )
    const gone = await ask('default', 'DELETE', `${WORKSPACES}/short-lived`)
    assert.deepEqual([gone.status, gone.text], [204, ''])
    assert.equal((await ask('short-lived', 'POST', `${MLFLOW}/experiments/search`, { max_results: 5 })).status, 404)
  })

  test('what cannot be is answered in the words of MLflow', async () => {
    const cases: [string, string, unknown, number, string, RegExp][] = [
      ['POST', '', { name: 'team-a' }, 400, 'RESOURCE_ALREADY_EXISTS', /^Workspace 'team-a' already exists\./],
      [
        'POST',
        '',
        { name: 'default' },
        400,
        'INVALID_PARAMETER_VALUE',
        /^The 'default' workspace is reserved and cannot be created$/,
      ],
      ['POST', '', { name: 'Team' }, 400, 'INVALID_PARAMETER_VALUE', /^Workspace name 'Team' must match the pattern/],
      [
        'POST',
        '',
        { name: 'a' },
        400,
        'INVALID_PARAMETER_VALUE',
        /^Workspace name 'a' must be between 2 and 63 characters\.$/,
      ],
      [
        'POST',
        '',
        { name: 'api' },
        400,
        'INVALID_PARAMETER_VALUE',
        /^Workspace name 'api' is reserved and cannot be used\.$/,
      ],
      ['POST', '', {}, 400, 'INVALID_PARAMETER_VALUE', /^Missing value for required parameter 'name'\./],
      [
        'POST',
        '',
        { name: 'elsewhere', default_artifact_root: 's3://bucket' },
        400,
        'INVALID_PARAMETER_VALUE',
        /default_artifact_root/,
      ],
      ['PATCH', '/team-a', {}, 400, 'INVALID_PARAMETER_VALUE', /^Workspace update must have at least one key$/],
      ['PATCH', '/no-such', { description: 'x' }, 404, 'RESOURCE_DOES_NOT_EXIST', /^Workspace 'no-such' not found$/],
      ['GET', '/no-such', undefined, 404, 'RESOURCE_DOES_NOT_EXIST', /^Workspace 'no-such' not found$/],
      ['DELETE', '/default', undefined, 400, 'INVALID_PARAMETER_VALUE', /reserved and cannot be deleted$/],
      [
        'DELETE',
        '/team-a?mode=x',
        undefined,
        400,
        'INVALID_PARAMETER_VALUE',
        /^Invalid deletion mode 'x'\. Must be one of: SET_DEFAULT, CASCADE, RESTRICT$/,
      ],
      ['DELETE', '/team-a?mode=CASCADE', undefined, 501, 'NOT_IMPLEMENTED', /CASCADE/],
    ]
    for (const [method, path, body, status, code, message] of cases) {
      const answer = await ask('default', method, WORKSPACES + path, body)
      assert.deepEqual([answer.status, answer.json.error_code], [status, code], `${method} ${path} ${answer.text}`)
      assert.match(String(answer.json.message), message)
    }
  })

  test('one that is not there is an error on every other route, one without a name is "default"', async () => {
    const missing = await ask('never-made', 'POST', `${MLFLOW}/experiments/search`, { max_results: 5 })
    assert.deepEqual(
      [missing.status, missing.json.error_code, missing.json.message],
      [404, 'RESOURCE_DOES_NOT_EXIST', "Workspace 'never-made' not found"],
    )
    const wrong = await ask('NOT A NAME', 'POST', `${MLFLOW}/experiments/search`, { max_results: 5 })
    assert.deepEqual([wrong.status, wrong.json.error_code], [400, 'INVALID_PARAMETER_VALUE'])
    const own = await ask('never-made', 'GET', '/api/v1/experiments')
    assert.equal((own.json.error as { code: string }).code, 'WORKSPACE_UNKNOWN')
    for (const name of ['', '  ']) {
      const { experiments } = (await ask(name, 'GET', `${MLFLOW}/experiments/search?max_results=5`)).json as {
        experiments: { workspace: string }[]
      }
      assert.ok(experiments.every(({ workspace }) => workspace === 'default'))
    }
  })
})

interface Made {
  readonly experiment: string
  readonly run: string
  readonly model: string
}
const made = new Map<Team, Made>()

describe('two workspaces with the same names', () => {
  before(async () => {
    for (const team of TEAMS) {
      const experiment = String(
        field(await ask(team, 'POST', `${MLFLOW}/experiments/create`, { name: 'same' }), 'experiment_id'),
      )
      const run = String(
        field(
          await ask(team, 'POST', `${MLFLOW}/runs/create`, { experiment_id: experiment, run_name: 'same run' }),
          'run.info.run_id',
        ),
      )
      const of = { run_id: run }
      await ask(team, 'POST', `${MLFLOW}/runs/log-batch`, {
        ...of,
        metrics: [{ key: 'm', value: team === 'team-a' ? 1 : 2, timestamp: 1, step: 0 }],
        params: [{ key: 'p', value: team }],
        tags: [{ key: 't', value: team }],
      })
      await ask(team, 'PUT', `/api/2.0/mlflow-artifacts/artifacts/shared/name.txt`, `bytes of ${team}`)
      const model = String(
        field(
          await ask(team, 'POST', `${MLFLOW}/logged-models`, { experiment_id: experiment, name: 'same model' }),
          'model.info.model_id',
        ),
      )
      const files = `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${run}/artifacts/model`
      await ask(team, 'PUT', `${files}/MLmodel`, `flavors:\n  python_function: {}\nrun_id: ${run}\n`)
      await ask(team, 'POST', `${MLFLOW}/registered-models/create`, {
        name: 'same',
        tags: [{ key: 'of', value: team }],
      })
      field(
        await ask(team, 'POST', `${MLFLOW}/model-versions/create`, {
          name: 'same',
          source: `mlflow-artifacts:/${experiment}/${run}/artifacts/model`,
          run_id: run,
        }),
        'model_version.version',
      )
      await ask(team, 'POST', `${MLFLOW}/registered-models/alias`, { name: 'same', alias: 'champion', version: '1' })
      const own = createClient(api, { baseUrl: server.url, headers: { 'x-tidemark-workspace': team } })
      await own.data.defineDataset({ body: { name: 'same', key: ['Name'], columns: { Name: 'string' } } })
      await own.data.appendRows({ params: { dataset: 'same' }, body: { rows: [{ Name: team }], source: team } })
      made.set(team, { experiment, run, model })
    }
  })
  const of = (team: Team): Made => {
    const found = made.get(team)
    assert.ok(found)
    return found
  }

  test('each has a "Default" experiment of its own, with a number of its own', async () => {
    const ids = await Promise.all(
      ['default', ...TEAMS].map(async (team) =>
        field(
          await ask(team, 'GET', `${MLFLOW}/experiments/get-by-name?experiment_name=Default`),
          'experiment.experiment_id',
        ),
      ),
    )
    assert.equal(new Set(ids).size, 3)
    assert.equal(ids[0], '0')
  })

  test('lists and searches show each its own alone', async () => {
    for (const team of TEAMS) {
      const { run, experiment, model } = of(team)
      const other = of(team === 'team-a' ? 'team-b' : 'team-a')
      const texts = await Promise.all([
        ask(team, 'GET', `${MLFLOW}/experiments/search?max_results=100`),
        ask(team, 'POST', `${MLFLOW}/runs/search`, {
          experiment_ids: [experiment, other.experiment],
          filter: 'metrics.m > 0',
        }),
        ask(team, 'GET', `${MLFLOW}/registered-models/search`),
        ask(team, 'GET', `${MLFLOW}/model-versions/search`),
        ask(team, 'POST', `${MLFLOW}/logged-models/search`, { experiment_ids: [experiment, other.experiment] }),
        ask(team, 'GET', '/api/v1/experiments'),
        ask(team, 'GET', '/api/v1/runs'),
        ask(team, 'GET', '/api/v1/models'),
        ask(team, 'GET', '/api/v1/datasets'),
        ask(team, 'GET', '/api/v1/pipelines'),
        ask(team, 'GET', '/api/v1/endpoints'),
        ask(team, 'GET', '/api/v1/events?limit=1000'),
      ])
      for (const answer of texts) {
        assert.equal(answer.status, 200, answer.text)
        for (const foreign of [other.run, other.model, `/${other.experiment}/`])
          assert.ok(!answer.text.includes(foreign), `${foreign} in ${answer.text.slice(0, 300)}`)
        assert.ok(!answer.text.includes(team === 'team-a' ? '"team-b"' : '"team-a"'), answer.text.slice(0, 500))
      }
      assert.ok(texts[1].text.includes(run))
      assert.ok(texts[4].text.includes(model))
    }
  })

  test('what one names by its id is not there for the other, on every route that takes an id', async () => {
    const { run, experiment, model } = of('team-a')
    const foreign: [string, string, unknown?][] = [
      ['GET', `${MLFLOW}/experiments/get?experiment_id=${experiment}`],
      ['GET', `${MLFLOW}/runs/get?run_id=${run}`],
      ['GET', `${MLFLOW}/artifacts/list?run_id=${run}`],
      ['GET', `/get-artifact?run_id=${run}&path=model/MLmodel`],
      ['GET', `${MLFLOW}/logged-models/${model}`],
      ['GET', `/ajax-api/2.0/mlflow/logged-models/${model}/artifacts/files?artifact_file_path=MLmodel`],
      ['GET', `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${run}/artifacts/model/MLmodel`],
      ['GET', `/api/v1/runs/${run}`],
      ['GET', `/api/v1/runs/${run}/files`],
      ['POST', `${MLFLOW}/runs/log-metric`, { run_id: run, key: 'evil', value: 9, timestamp: 1 }],
      ['POST', `${MLFLOW}/runs/log-batch`, { run_id: run, params: [{ key: 'evil', value: '1' }] }],
      ['POST', `${MLFLOW}/runs/set-tag`, { run_id: run, key: 'evil', value: '1' }],
      ['POST', `${MLFLOW}/runs/update`, { run_id: run, status: 'FAILED' }],
      ['POST', `${MLFLOW}/runs/delete`, { run_id: run }],
      ['POST', `${MLFLOW}/runs/create`, { experiment_id: experiment }],
      ['POST', `${MLFLOW}/experiments/update`, { experiment_id: experiment, new_name: 'evil' }],
      ['POST', `${MLFLOW}/experiments/delete`, { experiment_id: experiment }],
      ['POST', `${MLFLOW}/experiments/set-experiment-tag`, { experiment_id: experiment, key: 'evil', value: '1' }],
      ['POST', `${MLFLOW}/logged-models`, { experiment_id: experiment, name: 'evil' }],
      ['PATCH', `${MLFLOW}/logged-models/${model}/tags`, { tags: [{ key: 'evil', value: '1' }] }],
      ['DELETE', `${MLFLOW}/logged-models/${model}`],
    ]
    for (const [method, path, body] of foreign) {
      const answer = await ask('team-b', method, path, body)
      assert.ok([400, 404].includes(answer.status), `${method} ${path}: ${answer.status} ${answer.text}`)
      assert.ok(!answer.text.includes('bytes of team-a'))
    }
    const stolen = await ask('team-b', 'POST', `${MLFLOW}/model-versions/create`, {
      name: 'same',
      source: `mlflow-artifacts:/${experiment}/${run}/artifacts/model`,
      run_id: run,
    })
    assert.equal(stolen.status, 400, stolen.text)
    // As MLflow's server answers for any run that is not there.
    const course = await ask('team-b', 'GET', `${MLFLOW}/metrics/get-history?run_id=${run}&metric_key=m`)
    assert.deepEqual(course.json, {})
    assert.equal((await ask('team-b', 'GET', `/api/v1/runs/${run}/metric-history?key=m`)).json.total, 0)
    const mine = (await ask('team-a', 'GET', `${MLFLOW}/runs/get?run_id=${run}`)).text
    assert.ok(!mine.includes('evil'))
    assert.equal(
      field(
        await ask('team-a', 'GET', `${MLFLOW}/experiments/get?experiment_id=${experiment}`),
        'experiment.lifecycle_stage',
      ),
      'active',
    )
    const { run: theirs } = of('team-b')
    const history = await ask(
      'team-b',
      'GET',
      `/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id=${run}&run_id=${theirs}&metric_key=m`,
    )
    const { metrics } = history.json as { metrics: { run_id: string }[] }
    assert.ok(metrics.length > 0 && metrics.every(({ run_id }) => run_id === theirs), history.text)
  })

  test('one path of the artifact tree is two files, and one content is granted to each that stored it alone', async () => {
    const path = '/api/2.0/mlflow-artifacts/artifacts/shared/name.txt'
    for (const team of TEAMS) assert.equal((await ask(team, 'GET', path)).text, `bytes of ${team}`)
    assert.equal((await ask('default', 'GET', path)).status, 404)
    assert.equal((await ask('team-b', 'DELETE', path)).status, 200)
    assert.equal((await ask('team-b', 'GET', path)).status, 404)
    assert.equal((await ask('team-a', 'GET', path)).text, 'bytes of team-a')
    for (const trick of [
      'workspaces/team-a/shared/name.txt',
      '../team-a/shared/name.txt',
      '..%2fteam-a%2fshared%2fname.txt',
    ]) {
      const answer = await ask('team-b', 'GET', `/api/2.0/mlflow-artifacts/artifacts/${trick}`)
      assert.ok([400, 404].includes(answer.status), `${trick} ${answer.status}`)
    }
    const { blobs, db } = server.platform
    const blob = await blobs.put(db, 'team-a', 'only of team-a')
    await assert.rejects(blobs.open(db, 'team-b', blob.digest), { code: 'BLOB_NOT_FOUND' })
  })

  test('the registry keeps models, versions and aliases of one name apart', async () => {
    const { run } = of('team-a')
    assert.equal(
      field(await ask('team-a', 'GET', `${MLFLOW}/model-versions/get?name=same&version=1`), 'model_version.run_id'),
      run,
    )
    assert.notEqual(
      field(await ask('team-b', 'GET', `${MLFLOW}/model-versions/get?name=same&version=1`), 'model_version.run_id'),
      run,
    )
    await ask('team-b', 'DELETE', `${MLFLOW}/registered-models/alias`, { name: 'same', alias: 'champion' })
    await ask('team-b', 'DELETE', `${MLFLOW}/registered-models/delete`, { name: 'same' })
    assert.equal(
      field(
        await ask('team-a', 'GET', `${MLFLOW}/registered-models/alias?name=same&alias=champion`),
        'model_version.version',
      ),
      '1',
    )
    assert.equal(
      (await ask('team-a', 'GET', '/model-versions/get-artifact?name=same&version=1&path=MLmodel')).status,
      200,
    )
    assert.equal(
      (await ask('team-b', 'GET', '/model-versions/get-artifact?name=same&version=1&path=MLmodel')).status,
      404,
    )
  })

  test('datasets of one name hold each its own rows', async () => {
    for (const team of TEAMS) {
      const rows = await ask(team, 'GET', '/api/v1/datasets/same/versions/1/download?format=csv')
      assert.ok(rows.text.includes(team), rows.text)
    }
    assert.equal((await ask('default', 'GET', '/api/v1/datasets/same')).status, 404)
  })

  test('events, their causes and the live stream are each workspace’s own', async () => {
    const { events } = (await ask('team-a', 'GET', '/api/v1/events?limit=1000')).json as {
      events: { id: string; workspace: string }[]
    }
    assert.ok(events.length > 2 && events.every(({ workspace }) => workspace === 'team-a'))
    for (const path of [`/api/v1/events/${events[0]?.id}`, `/api/v1/why/${events[0]?.id}`])
      assert.equal((await ask('team-b', 'GET', path)).status, 404, path)
    const told: string[] = []
    const gone = new AbortController()
    const stream = await fetch(`${server.url}/api/v1/stream`, {
      headers: { 'x-tidemark-workspace': 'team-b' },
      signal: gone.signal,
    })
    const reading = (async () => {
      for await (const chunk of stream.body ?? []) told.push(Buffer.from(chunk).toString())
    })().catch(() => {})
    const rename = (team: Team, version: string) =>
      ask(team, 'POST', `${MLFLOW}/registered-models/alias`, { name: 'stream', alias: 'live', version })
    for (const team of TEAMS) {
      await ask(team, 'POST', `${MLFLOW}/registered-models/create`, { name: 'stream' })
      const { run, experiment } = of(team)
      const source = `mlflow-artifacts:/${experiment}/${run}/artifacts/model`
      await ask(team, 'POST', `${MLFLOW}/model-versions/create`, { name: 'stream', source, run_id: run })
      await rename(team, '1')
      await ask(team, 'POST', `${MLFLOW}/runs/log-metric`, { run_id: run, key: 'm', value: 3, timestamp: 2 })
    }
    await new Promise((resolve) => setTimeout(resolve, 600))
    gone.abort()
    await reading
    const text = told.join('')
    const { events: theirs } = (await ask('team-b', 'GET', '/api/v1/events?limit=1000')).json as {
      events: { position: number }[]
    }
    const positions = [...text.matchAll(/"position":(\d+)/g)].map(([, position]) => Number(position))
    assert.ok(positions.length >= 2, text)
    assert.ok(positions.every((position) => theirs.some((event) => event.position === position)))
    assert.ok(!text.includes(of('team-a').run) && !text.includes(of('team-b').run), 'ids are told to nobody')
  })

  test('a workspace that holds something is not deleted', async () => {
    const kept = await ask('default', 'DELETE', `${WORKSPACES}/team-a`)
    assert.equal(kept.json.error_code, 'INVALID_STATE')
    assert.match(
      String(kept.json.message),
      /^Cannot delete workspace 'team-a': table '\w+' still contains \d+ resource\(s\)\./,
    )
    assert.equal((await ask('team-a', 'GET', `${MLFLOW}/experiments/get-by-name?experiment_name=Default`)).status, 200)
  })
})
