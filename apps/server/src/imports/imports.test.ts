import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ImportedExperiment, ImportedRun } from '@tidemark/contracts'
import { startTestServer, type TestServer } from '../platform/testing.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.close())

const digest = `sha256:${'0'.repeat(64)}`
const marks = { digest, stamp: '0'.repeat(64) }
const experiment: ImportedExperiment = {
  id: '7',
  name: 'seven',
  lifecycle: 'active',
  createdMs: 1,
  updatedMs: 2,
  tags: [],
  ...marks,
}
const RUN = 'f'.repeat(32)

function runOf(fields: Partial<ImportedRun>): ImportedRun {
  return {
    id: RUN,
    experiment: '7',
    name: 'a run',
    user: 'ada',
    status: 'FINISHED',
    startMs: 1,
    endMs: null,
    lifecycle: 'active',
    artifacts: { kind: 'here' },
    parameters: [],
    tags: [],
    inputs: [],
    models: [],
    metrics: [],
    part: 'whole',
    ...marks,
    ...fields,
  }
}

const start = async (source: string) => (await server.client.imports.startImport({ body: { source } })).id

test('what a request may not hold is refused by name', async () => {
  const { client } = server
  const params = { import: await start('refused') }
  await client.imports.importExperiments({ params, body: { experiments: [experiment] } })
  const refused: readonly [Partial<ImportedRun>, RegExp][] = [
    [{ id: '../etc' }, /A run id is 32 hex digits/],
    [{ name: 'a\0b' }, /character NUL/],
    [{ tags: [{ key: 'k', value: 'a\0b' }] }, /character NUL/],
    [{ metrics: [{ key: 'm', at: [1, 2], step: [1], value: [1] }] }, /equally long/],
    [{ metrics: [{ key: 'm', at: [1.5], step: [1], value: [1] }] }, /int/],
    [{ status: 'DONE' as 'FAILED' }, /FINISHED/],
  ]
  for (const [fields, message] of refused) {
    await assert.rejects(client.imports.importRuns({ params, body: { runs: [runOf(fields)] } }), (error: Error) => {
      assert.equal((error as { status?: unknown }).status, 400)
      assert.match(error.message, message)
      return true
    })
  }
  assert.deepEqual((await client.imports.checkItems({ params, body: { kind: 'run', ids: [RUN] } })).items, [
    { id: RUN, digest: null },
  ])
})

test('a run of an experiment that did not come in, and anything for an import that is finished or is not there, is refused', async () => {
  const { client } = server
  const params = { import: await start('order') }
  const runs = [runOf({ experiment: '99' })]
  await assert.rejects(client.imports.importRuns({ params, body: { runs } }), { code: 'EXPERIMENT_NOT_IMPORTED' })
  await client.imports.finishImport({ params, body: { counts: [] } })
  await assert.rejects(client.imports.importRuns({ params, body: { runs: [] } }), { code: 'IMPORT_FINISHED' })
  await assert.rejects(client.imports.finishImport({ params, body: { counts: [] } }), { code: 'IMPORT_FINISHED' })
  const nowhere = { import: '01900000-0000-7000-8000-000000000000' }
  await assert.rejects(client.imports.importRuns({ params: nowhere, body: { runs: [] } }), { code: 'IMPORT_NOT_FOUND' })
})

test('a digest that is not that of what was written is never taken for good', async () => {
  const { client } = server
  const params = { import: await start('wrong digest') }
  await client.imports.importExperiments({ params, body: { experiments: [experiment] } })
  const { items } = await client.imports.importRuns({ params, body: { runs: [runOf({})] } })
  assert.deepEqual(
    items.map(({ id, outcome }) => [id, outcome]),
    [[RUN, 'imported']],
  )
  const checked = await client.imports.checkItems({ params, body: { kind: 'run', ids: [RUN] } })
  assert.match(checked.items[0]?.digest ?? '', /^sha256:[0-9a-f]{64}$/)
  assert.notEqual(checked.items[0]?.digest, digest)
  const known = await client.imports.knownItems({ params, body: { kind: 'run', ids: [RUN] } })
  assert.deepEqual(known.items, [])
})

test('one source has one unfinished import: to start it again is to go on', async () => {
  const { client } = server
  const first = await client.imports.startImport({ body: { source: 'again' } })
  const second = await client.imports.startImport({ body: { source: 'again' } })
  assert.deepEqual([first.resumed, second.resumed, second.id], [false, true, first.id])
  await client.imports.finishImport({ params: { import: first.id }, body: { counts: [] } })
  const third = await client.imports.startImport({ body: { source: 'again' } })
  assert.notEqual(third.id, first.id)
})

test('experiments that come in at the same time as others are made never share a number', async () => {
  const { client, url } = server
  const params = { import: await start('numbers') }
  const given = Array.from({ length: 20 }, (_, index) => ({
    ...experiment,
    id: String(100 + index),
    name: `given ${index}`,
  }))
  const make = (index: number) =>
    fetch(`${url}/api/2.0/mlflow/experiments/create`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: `made ${index}` }),
    })
  await Promise.all([
    client.imports.importExperiments({ params, body: { experiments: given } }),
    ...given.map((_, index) => make(index)),
  ])
  const { experiments } = await client.experiments.listExperiments({ query: { lifecycle: 'all' } })
  const names = experiments.filter(({ name }) => /^(given|made)/.test(name))
  assert.deepEqual([names.length, new Set(experiments.map(({ id }) => id)).size], [40, experiments.length])
})
