import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { readRecords, schemaWith } from './decide.ts'
import { readJson, writeJson } from './json.ts'

let server: TestServer
before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
})
after(() => server.close())

interface Reply {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers of another's API, whose shape is what is tested.
  readonly body: any
}

async function call(method: string, path: string, body?: object): Promise<Reply> {
  const answer = await fetch(`${server.url}/api/3.0/mlflow/datasets/${path}`, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  })
  return { status: answer.status, body: JSON.parse(await answer.text()) }
}

async function done(method: string, path: string, body?: object): Promise<Reply['body']> {
  const { status, body: answer } = await call(method, path, body)
  assert.equal(status, 200, `${method} ${path}: ${JSON.stringify(answer)}`)
  return answer
}

async function make(name: string, more: object = {}): Promise<string> {
  return (await done('POST', 'create', { name, ...more })).dataset.dataset_id
}

const upsert = (id: string, ...records: object[]) => done('POST', `${id}/records`, { records: JSON.stringify(records) })
const recordsOf = async (id: string) => JSON.parse((await done('GET', `${id}/records`)).records)

test('a dataset is made, tagged, put into experiments and deleted as MLflow does it', async () => {
  const tags = JSON.stringify({ team: 'red', 'mlflow.user': 'ann' })
  const made = (await done('POST', 'create', { name: 'one', tags, experiment_ids: ['0'] })).dataset
  assert.match(made.dataset_id, /^d-[0-9a-f]{32}$/)
  assert.match(made.digest, /^[0-9a-f]{8}$/)
  assert.deepEqual(
    [made.name, made.tags, made.created_by, made.last_updated_by, made.experiment_ids],
    ['one', '{"team": "red", "mlflow.user": "ann"}', 'ann', 'ann', ['0']],
  )
  const id = made.dataset_id
  assert.equal((await done('GET', id)).dataset.experiment_ids, undefined)
  assert.deepEqual(await done('PATCH', `${id}/tags`, { tags: '{"n": 5, "team": null, "b": true}' }), {})
  assert.equal((await done('GET', id)).dataset.tags, '{"team": "red", "mlflow.user": "ann", "n": "5", "b": "True"}')
  assert.deepEqual(await done('DELETE', `${id}/tags/team`), {})
  assert.equal((await done('GET', id)).dataset.tags, '{"mlflow.user": "ann", "n": "5", "b": "True"}')

  assert.deepEqual(await done('GET', `${id}/experiment-ids`), { experiment_ids: ['0'] })
  await done('POST', `${id}/remove-experiments`, { experiment_ids: ['0', '7'] })
  assert.deepEqual(await done('GET', `${id}/experiment-ids`), {})
  await done('POST', `${id}/add-experiments`, { experiment_ids: ['0'] })
  const unknown = await call('POST', `${id}/add-experiments`, { experiment_ids: ['55'] })
  assert.deepEqual([unknown.status, unknown.body.message], [404, 'No Experiment with id=55'])

  assert.deepEqual(await done('DELETE', id), {})
  assert.deepEqual(await done('DELETE', id), {})
  const gone = await call('GET', id)
  assert.deepEqual([gone.status, gone.body.message], [404, `Evaluation dataset with id '${id}' not found`])
})

test('records are kept once for each input: outputs replaced, expectations and tags added to', async () => {
  const id = await make('records')
  const before = (await done('GET', id)).dataset.digest
  const first = {
    ...{ inputs: { q: 'a', n: 1 }, outputs: 'text', expectations: { e: true }, tags: { t: '1', 'mlflow.user': 'bob' } },
    source: { source_type: 'human', source_data: { source_id: 's1' } },
  }
  assert.deepEqual(await upsert(id, first, { inputs: { q: 'b' } }), { inserted_count: 2, updated_count: 0 })
  // The same inputs in another order, and twice in one call.
  const again = [
    { inputs: { n: 1, q: 'a' }, expectations: { g: 2 }, tags: { t: '2' } },
    { inputs: { q: 'b' }, outputs: null },
  ]
  assert.deepEqual(await upsert(id, ...again, { inputs: { q: 'c' } }, { inputs: { q: 'c' }, outputs: [1] }), {
    inserted_count: 1,
    updated_count: 3,
  })
  const [a, b, c] = await recordsOf(id)
  assert.match(a.dataset_record_id, /^dr-[0-9a-f]{32}$/)
  assert.deepEqual(Object.keys(a), [
    ...['dataset_record_id', 'dataset_id', 'inputs', 'expectations', 'tags', 'source', 'source_id', 'source_type'],
    ...['created_time', 'last_update_time', 'created_by', 'last_updated_by', 'outputs'],
  ])
  assert.deepEqual([a.inputs, a.outputs, a.expectations], [{ q: 'a', n: 1 }, 'text', { e: true, g: 2 }])
  assert.deepEqual([a.tags, a.source_id, a.source_type], [{ t: '2', 'mlflow.user': 'bob' }, 's1', 'HUMAN'])
  assert.deepEqual([b.outputs, b.tags, b.expectations], [undefined, {}, undefined])
  assert.deepEqual(c.outputs, [1])

  const dataset = (await done('GET', id)).dataset
  assert.equal(dataset.profile, '{"num_records": 3}')
  assert.deepEqual(JSON.parse(dataset.schema), {
    ...{ inputs: { q: 'string', n: 'integer' }, outputs: 'string', expectations: { e: 'boolean', g: 'integer' } },
    version: '1.0',
  })
  assert.notEqual(dataset.digest, before)

  assert.deepEqual(await done('DELETE', `${id}/records`, { dataset_record_ids: [a.dataset_record_id] }), {
    deleted_count: 1,
  })
  assert.deepEqual(await done('DELETE', `${id}/records`, { dataset_record_ids: [a.dataset_record_id] }), {
    deleted_count: 0,
  })
  assert.equal((await done('GET', id)).dataset.profile, '{"num_records": 2}')
})

test('records come in pages that neither repeat nor miss one', async () => {
  const id = await make('pages')
  await upsert(id, ...Array.from({ length: 25 }, (_, n) => ({ inputs: { n } })))
  const seen: number[] = []
  for (let token: string | undefined = ''; token !== undefined; ) {
    const page: Reply['body'] = await done(
      'GET',
      `${id}/records?max_results=10&page_token=${encodeURIComponent(token)}`,
    )
    seen.push(...JSON.parse(page.records).map((record: { inputs: { n: number } }) => record.inputs.n))
    token = page.next_page_token
    // A record that is deleted in between moves no other.
    if (seen.length === 10) {
      const [first] = JSON.parse(page.records)
      await done('DELETE', `${id}/records`, { dataset_record_ids: [first.dataset_record_id] })
    }
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, n) => n),
  )
  assert.equal((await call('GET', `${id}/records?page_token=zzz`)).status, 400)
  assert.deepEqual(await done('GET', 'd-none/records'), { records: '[]' })
})

test('datasets are found by name, tag, time and experiment, in order and in pages', async () => {
  for (const name of ['sa', 'sb', 'sc']) {
    await make(name, { tags: JSON.stringify({ letter: name.at(-1) }), experiment_ids: name === 'sb' ? [] : ['0'] })
  }
  const found = async (body: object) => {
    const { datasets = [] } = await done('POST', 'search', {
      filter_string: "name LIKE 's_'",
      order_by: ['name ASC'],
      ...body,
    })
    return datasets.map((dataset: { name: string }) => dataset.name)
  }
  assert.deepEqual(await found({}), ['sa', 'sb', 'sc'])
  assert.deepEqual(await found({ order_by: ['name DESC'] }), ['sc', 'sb', 'sa'])
  assert.deepEqual(await found({ experiment_ids: ['0'] }), ['sa', 'sc'])
  assert.deepEqual(await found({ filter_string: "tags.letter = 'b'" }), ['sb'])
  assert.deepEqual(await found({ filter_string: "tags.letter != 'b' AND name LIKE 's%'" }), ['sa', 'sc'])
  assert.deepEqual(await found({ filter_string: "name IN ('sa', 'sc') AND created_time > 5" }), ['sa', 'sc'])
  const page = await done('GET', "search?max_results=2&order_by=name%20ASC&filter_string=name%20LIKE%20's_'")
  assert.equal(page.datasets.length, 2)
  const rest = await done(
    'GET',
    `search?max_results=2&order_by=name%20ASC&filter_string=name%20LIKE%20's_'&page_token=${page.next_page_token}`,
  )
  assert.deepEqual([rest.datasets[0].name, rest.next_page_token], ['sc', undefined])

  const refused: [object, RegExp][] = [
    [{ filter_string: "foo = '5'" }, /^Invalid attribute key 'foo' specified/],
    [{ filter_string: "name NOT IN ('a')" }, /^List values for 'name' are only supported with the IN comparator\.$/],
    [{ filter_string: "name = 'a' OR name = 'b'" }, /^Invalid clause\(s\) in filter string/],
    [{ order_by: ['tags.letter'] }, /^Invalid order_by entity: tag$/],
    [{ order_by: ['created_by'] }, /'created_by' specified/],
    [{ max_results: 50_001 }, /It must be at most 50000$/],
    [{ max_results: -1 }, /It must be a positive integer$/],
  ]
  for (const [body, message] of refused) {
    const { status, body: answer } = await call('POST', 'search', body)
    assert.equal(status, 400)
    assert.match(answer.message, message)
  }
})

test('what is no record is refused, and nothing of it is kept', async () => {
  const id = await make('strict')
  for (const records of [
    'x',
    '{}',
    '[1]',
    '[{"inputs": 5}]',
    '[{"inputs": {"n": 3}}, {"source": {"source_type": "XX"}}]',
  ]) {
    assert.deepEqual((await call('POST', `${id}/records`, { records })).status, 400, records)
  }
  assert.deepEqual(await recordsOf(id), [])
  const source = await call('POST', `${id}/records`, { records: '[{"source": {"source_type": "XX"}}]' })
  assert.match(source.body.message, /^Invalid dataset record source type: XX\. Valid source types: \['UNSPECIFIED', /)
  assert.equal((await call('POST', 'd-none/records', { records: '[]' })).status, 404)
  assert.match((await call('POST', 'create', {})).body.message, /^Missing value for required parameter 'name'/)
})

test('JSON comes back with its numbers and its order, in the form that Python writes', () => {
  const text = '{"b": 1.0, "a": [1e3, 12345678901234567890, -0.5, null, true], "é": "\\u00fc"}'
  const written = '{"b": 1.0, "a": [1e3, 12345678901234567890, -0.5, null, true], "\\u00e9": "\\u00fc"}'
  assert.equal(writeJson(readJson(text, 'x')), written)
  assert.equal(writeJson(readJson('{"b": {"d": 1, "c": 2}, "a": 0}', 'x'), 'sorted'), '{"a": 0, "b": {"c": 2, "d": 1}}')
  assert.throws(() => readJson('{', 'x'), { code: 'INVALID_PARAMETER_VALUE' })
  const schema = schemaWith(
    null,
    readRecords('[{"inputs": {"f": 1.0, "i": 1, "z": null, "l": [], "o": {}}}, {"inputs": {"f": "x"}}]'),
  )
  assert.deepEqual(JSON.parse(schema ?? '').inputs, { f: 'float', i: 'integer', z: 'null', l: 'array', o: 'object' })
})
