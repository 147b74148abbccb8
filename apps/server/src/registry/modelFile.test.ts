import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readModelFile } from './modelFile.ts'

test('the columns of a signature are read as the model file of MLflow 3.17 folds them', () => {
  const file = readModelFile(`
flavors:
  python_function:
    loader_module: mlflow.sklearn
  sklearn:
    sklearn_version: 1.9.1
signature:
  inputs: '[{"type": "double", "name": "Running Time min", "required": false}, {"type":
    "string", "name": "Director''s cut", "required": true}, {"type": "datetime", "name": "day"}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
`)
  assert.deepEqual(file.flavors, ['python_function', 'sklearn'])
  assert.deepEqual(file.signature, [
    { name: 'Running Time min', type: 'double', required: false },
    { name: "Director's cut", type: 'string', required: true },
    { name: 'day', type: 'string', required: true },
  ])
})

test('a model file that cannot be understood gives no signature and does no harm', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
    .join('\n')}`
  for (const text of [
    '',
    ': : :',
    '[1',
    bomb,
    'signature: {inputs: "[1]"}',
    'signature: {inputs: \'[{"type":"tensor"}]\'}',
    '!!js/function x',
  ]) {
    assert.equal(readModelFile(text).signature, null, text.slice(0, 40))
  }
})
