import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GapTexts, JsonValue } from '@tidemark/contracts'
import { fixture, onnxInputs } from '../fixtures.ts'
import { OnnxModel } from './onnx.ts'

const { bytes, columns, rows, expected } = fixture('champion')
const runtime = { inputs: [...onnxInputs], output: 'variable' }

test('a forest gives what scikit-learn gives, with missing numbers, missing texts and unknown categories', async () => {
  const model = await OnnxModel.load(bytes, runtime)
  const { values: got } = await model.predict({ kind: 'table', columns, rows })
  assert.equal(got.length, expected.length)
  got.forEach((value, row) => {
    assert.ok(Math.abs(Number(value) - (expected[row] ?? Number.NaN)) < 1e-5, `row ${row}: ${value}`)
  })
  await model.close()
})

test('columns are found by name, and one that the frame lacks is missing', async () => {
  const model = await OnnxModel.load(bytes, runtime)
  const full = await model.predict({
    kind: 'table',
    columns: ['genre', 'budget', 'running_time'],
    rows: [['', 20, null]],
  })
  const less = await model.predict({ kind: 'table', columns: ['budget'], rows: [[20]] })
  assert.deepEqual(full, less)
  await model.close()
})

test('a missing text is one thing where another row has a text, another where none has, and either may be refused', async () => {
  const gap = { some: 'Drama', none: 'Action', instead: { Drama: 'Comedy' } }
  const load = (own: GapTexts) =>
    OnnxModel.load(bytes, {
      ...runtime,
      inputs: onnxInputs.map((input) => (input.column === 'genre' ? { ...input, gap: own } : input)),
    })
  const of = async (model: OnnxModel, ...genres: (string | null)[]) =>
    (await model.predict({ kind: 'table', columns, rows: genres.map((genre) => [20, 90, genre]) })).values
  const plain = await OnnxModel.load(bytes, runtime)
  const model = await load(gap)
  assert.notDeepEqual(await of(plain, 'Drama'), await of(plain, 'Action'))
  assert.deepEqual(await of(model, null, 'Comedy', ''), await of(plain, 'Drama', 'Comedy', ''))
  assert.deepEqual(await of(model, null, null), await of(plain, 'Action', 'Action'))
  assert.deepEqual(await of(model, 'Drama', 'constructor'), await of(plain, 'Comedy', 'constructor'))
  const message = 'Row 1 has no value for "genre", and the model takes no gap there.'
  const [alone, among] = [await load({ ...gap, none: null }), await load({ ...gap, some: null })]
  await assert.rejects(of(among, '', null), { how: 'raised', message })
  await assert.rejects(of(alone, null), { how: 'raised' })
  assert.deepEqual(await of(alone, null, ''), await of(plain, 'Drama', ''))
  assert.deepEqual(await of(among, null), await of(plain, 'Action'))
  for (const each of [plain, model, alone, among]) await each.close()
})

test('a model without the named tensors, and bytes that are no model, are refused when loaded', async () => {
  await assert.rejects(OnnxModel.load(bytes, { ...runtime, output: 'label' }), /no output "label"/)
  const inputs = [{ column: 'a', tensor: 'other', type: 'float32' as const }]
  await assert.rejects(OnnxModel.load(bytes, { inputs, output: 'variable' }), /no input "other"/)
  await assert.rejects(OnnxModel.load(Buffer.from('not a model'), runtime))
})

test('what the model cannot compute is the failure of the version', async () => {
  const failing = fixture('failing')
  const model = await OnnxModel.load(failing.bytes, runtime)
  await assert.rejects(model.predict({ kind: 'table', columns, rows }), {
    name: 'VersionFailed',
    how: 'raised',
    message: /feature/,
  })
  await model.close()
})

test('a number beyond float32 is refused, not taken for infinity', async () => {
  const model = await OnnxModel.load(bytes, runtime)
  const of = (budget: number) => model.predict({ kind: 'table', columns: ['budget'], rows: [[budget]] })
  assert.equal((await of(3.4e38)).values.length, 1)
  await assert.rejects(of(3.5e38), { how: 'raised', message: /beyond 3\.4e38/ })
  await assert.rejects(of(-1e300), { how: 'raised' })
  await model.close()
})

const network = fixture('network')
const tensors = {
  inputs: [
    { column: 'point', tensor: 'input_0', type: 'float32' as const, shape: [2], missing: 'refused' as const },
    { column: 'count', tensor: 'input_1', type: 'int64' as const, shape: [] },
  ],
  output: 'sum',
}
const asked = {
  kind: 'tensors' as const,
  columns: ['point', 'count'],
  rows: [[[1, 2], 3] as JsonValue[], [[-0.5, 0], -1]],
}

test('a network takes its tensors by name, a value a row among them, and gives the values of each row', async () => {
  const model = await OnnxModel.load(network.bytes, { ...tensors, shape: 'list' })
  assert.deepEqual((await model.predict(asked)).values, network.expected)
  assert.equal(model.takesNumbers, false)
  await model.close()
})

test('a network that takes no gap takes none within an array', async () => {
  const model = await OnnxModel.load(network.bytes, { ...tensors, shape: 'list' })
  const rows = [[[1, 2], 3] as JsonValue[], [[1, null], 3]]
  await assert.rejects(model.predict({ ...asked, rows }), { how: 'raised', message: /Row 1 has no value for "point"/ })
  await model.close()
})

test('values of records have their names, and one that is missing is null, as in Python’s frames', async () => {
  const [point, count] = tensors.inputs
  const inputs = [
    { column: 'point', tensor: 'input_0', type: 'float32' as const, shape: point?.shape ?? [] },
    ...(count ? [count] : []),
  ]
  const model = await OnnxModel.load(network.bytes, { inputs, output: 'sum', shape: 'record', names: ['x', 'y'] })
  const { values } = await model.predict({ ...asked, rows: [[[1, null], 3]] })
  assert.deepEqual(values, [{ x: 4, y: null }])
  await model.close()
})
