import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkKey, normalPath } from './names.ts'
import { offsetOf, tokenOf } from './pages.ts'
import { CreateRun, LogBatch, LogMetric, RunId, SearchRuns } from './requests.ts'

test('integers may come as numbers or text, strings only as strings', () => {
  const run = CreateRun.fromBody({
    experiment_id: '1',
    start_time: '12',
    unknown: [1],
    tags: [{ key: 'a', value: 'b' }],
  })
  assert.deepEqual(run, { experiment_id: '1', start_time: 12, tags: [{ key: 'a', value: 'b' }] })
  assert.throws(() => CreateRun.fromBody({ experiment_id: 6 }), {
    message:
      "Invalid value 6 for parameter 'experiment_id' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.",
  })
  assert.throws(() => LogBatch.fromBody({ run_id: 'a', metrics: [{ key: 'm', timestamp: 1 }] }), {
    message:
      "Missing value for required parameter 'metrics[0].value'. See the API docs for more information about request parameters.",
  })
})

test('doubles may be NaN and infinite as text', () => {
  const metric = (value: unknown) => LogMetric.fromBody({ run_id: 'a', key: 'm', value, timestamp: 1 }).value
  assert.ok(Number.isNaN(metric('NaN')))
  assert.equal(metric('-Infinity'), Number.NEGATIVE_INFINITY)
  assert.equal(metric('1.5'), 1.5)
  assert.throws(() => metric('high'))
  assert.throws(() => metric(true))
})

test('run_uuid stands for run_id, and query strings give lists for repeated fields', () => {
  assert.equal(RunId.fromQuery({ run_uuid: 'x' }).run_id, 'x')
  const search = SearchRuns.fromQuery({ experiment_ids: '1', max_results: '5', run_view_type: 'ALL' })
  assert.deepEqual(search, { experiment_ids: ['1'], max_results: 5, run_view_type: 'ALL' })
})

test('keys that read as another path are refused', () => {
  for (const bad of ['../a', 'a/../b', '/a', 'a//b', './a', '.', '..', 'a/', 'a\u0000b', 'a%2f', 'a\\b']) {
    assert.throws(() => checkKey(bad, 'key'), { code: 'INVALID_PARAMETER_VALUE' }, bad)
  }
  for (const good of ['a', 'a/b', 'été 1', 'mlflow.source.git', 'a:b', 'x-1_2']) checkKey(good, 'key')
  assert.equal(normalPath('a/../../b/.'), '../b')
})

test('page tokens are those of MLflow, and others are refused', () => {
  assert.equal(tokenOf(1), 'eyJvZmZzZXQiOiAxfQ==')
  assert.equal(offsetOf(tokenOf(250)), 250)
  for (const bad of [
    '%%',
    'aGVsbG8=',
    Buffer.from('{"offset": -1}').toString('base64'),
    Buffer.from('[]').toString('base64'),
  ]) {
    assert.throws(() => offsetOf(bad), { code: 'INVALID_PARAMETER_VALUE' })
  }
})
