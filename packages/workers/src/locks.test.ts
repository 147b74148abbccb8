import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { test } from 'node:test'
import { chooseLock, servingLocks } from './locks.ts'

const locks = servingLocks('3.11')
const pinned = (name: string) => {
  for (const { packages } of locks) if (packages.has(name)) return `${name}==${packages.get(name)}`
  throw new Error(`No lock has ${name}.`)
}
const met: [string, string[], string][] = [
  ['nothing', [], 'worker.txt'],
  [
    'a scikit-learn model',
    ['mlflow==3.1.0', pinned('scikit-learn'), 'cloudpickle', 'numpy<3', 'pandas>=2'],
    'worker.txt',
  ],
  ['a model logged where tests are run', [pinned('scikit-learn'), 'pytest==9.0.2'], 'worker.txt'],
  ['an XGBoost model', [pinned('xgboost'), pinned('scikit-learn')], 'boosting.txt'],
  [
    'a LightGBM model with an option and a marker',
    ['-c constraints.txt', 'lightgbm ; python_version > "3"'],
    'boosting.txt',
  ],
  ['a Keras model', [pinned('tensorflow').replace('tensorflow', 'TensorFlow_CPU')], 'tensorflow.txt'],
  ['a PyTorch model', [pinned('torch').replace('==', ' == '), 'mlflow[extras]'], 'torch.txt'],
]
for (const [name, requirements, file] of met) {
  test(`${name} gets ${file}`, () => {
    const choice = chooseLock(requirements.join('\n'), locks)
    assert.equal(choice.kind === 'lock' ? basename(choice.file) : choice.reason, file)
  })
}

const unmet: [string, string, RegExp][] = [
  [
    'a package that no lock has',
    'scikit-learn\ntransformers==5.0',
    /worker lacks transformers; boosting lacks transformers/,
  ],
  [
    'another minor version of what wrote the model',
    'scikit-learn==1.2.0',
    /worker has scikit-learn 1\.\d+\.\d+, not 1\.2\.0/,
  ],
  ['libraries of two environments', 'tensorflow\nlightgbm', /tensorflow lacks lightgbm/],
  ['another major version of a helper', 'pandas==1.5.3', /has pandas \d/],
]
for (const [name, requirements, reason] of unmet) {
  test(`${name} gets none, and the reason names it`, () => {
    const choice = chooseLock(requirements, locks)
    assert.match(choice.kind === 'unmet' ? choice.reason : '', reason)
  })
}

test('of the versions that a lock has for several Pythons the one of this Python counts', () => {
  const numpy = (minor: string) => servingLocks(minor)[0]?.packages.get('numpy')
  assert.notEqual(numpy('3.11'), numpy('3.13'))
})
