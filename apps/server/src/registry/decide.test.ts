import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWithin, readSource } from './decide.ts'

const run = 'a'.repeat(32)
const model = `m-${'b'.repeat(32)}`

test('a source outside of what the server holds is refused, whatever its disguise', () => {
  const attacks = [
    '/etc',
    'etc/passwd',
    './x',
    'file:/etc',
    'file:///etc',
    'file:////etc',
    'file://\\..\\..\\..',
    '//etc',
    'http://127.0.0.1/api/2.0/mlflow-artifacts/artifacts/../..',
    'https://example.com/model',
    'ftp://h/x',
    's3://bucket/key/../../other',
    's3://bucket/%252e%252e/other',
    's3:///#/../etc',
    'mlflow-artifacts://h/../../..',
    'mlflow-artifacts://host:5000/1/x',
    `mlflow-artifacts:/1/${run}/artifacts/../../../etc`,
    `mlflow-artifacts:/1/${run}/artifacts/..%2f..%2fetc`,
    'mlflow-artifacts:/x;/../../..',
    'mlflow-artifacts:/x#/../../..',
    'mlflow-artifacts:/x?/../..',
    'models:/x/../../..',
    'models:/x/../1',
    'models://host/x/1',
    `runs:/${run}/../../etc`,
    `runs://host/${run}/model`,
    `runs:/${'c'.repeat(32)}/model`,
    `models:/m-${'c'.repeat(32)}`,
    'runs:/',
    'models:/x/01',
    'models:/x/latest/y',
    'mlflow-artifacts:/x%00',
  ]
  for (const source of attacks) {
    assert.equal(readSource(source, run, '', false).kind, 'refused', source)
    assert.equal(readSource(source, '', model, false).kind, 'refused', source)
  }
})

test('a source names the run, logged model or version that holds it', () => {
  assert.deepEqual(readSource(`runs:/${run}/a/model`, run, '', false), { kind: 'run', run, path: 'a/model' })
  assert.deepEqual(readSource(`runs:/${run}`, run, '', false), { kind: 'run', run, path: '' })
  assert.deepEqual(readSource(`models:/${model}`, '', model, false), { kind: 'loggedModel', id: model })
  assert.deepEqual(readSource('models:/films/3', '', '', false), {
    kind: 'version',
    model: 'films',
    ref: { version: 3 },
  })
  assert.deepEqual(readSource('models:/films@best', '', '', false), {
    kind: 'version',
    model: 'films',
    ref: { alias: 'best' },
  })
  assert.equal(readSource(`mlflow-artifacts:/1/${run}/artifacts/m`, run, '', false).kind, 'artifact')
  assert.deepEqual(readSource('s3://bucket/key', '', '', false), { kind: 'elsewhere' })
  assert.equal(readSource('prompt-template', '', '', true).kind, 'prompt')
  assert.equal(readSource('file:///etc/passwd', '', '', true).kind, 'refused')
})

test('a neighbour whose name begins the same is not within', () => {
  assert.ok(isWithin('1/r/artifacts/model', 'mlflow-artifacts:/1/r/artifacts'))
  assert.ok(!isWithin('1/r/artifacts-other/model', 'mlflow-artifacts:/1/r/artifacts'))
})
