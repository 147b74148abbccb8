import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fixture, onnxInputs } from '../fixtures.ts'
import { OnnxModel } from '../runtimes/onnx.ts'

const program = new URL('./main.ts', import.meta.url).pathname
const { path, columns, rows, expected } = fixture('champion')
const values = expected.map((value) => ({ value }))
const question = {
  modelFile: path,
  inputs: onnxInputs,
  output: 'variable',
  kind: 'numbers',
  scores: null,
  columns,
  rows,
  requests: rows.map(() => ''),
  expected: values,
  tolerance: 1e-4,
}

async function ask(input: object) {
  const child = spawn(process.execPath, [...process.execArgv.filter((flag) => flag !== '--test'), program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(input))
  const [output, code] = await Promise.all([text(child.stdout), new Promise((resolve) => child.once('exit', resolve))])
  assert.equal(code, 0)
  return JSON.parse(output)
}

test('a conversion that predicts as Python did passes', async () => {
  const verdict = await ask(question)
  assert.equal(verdict.ok, true)
  assert.ok(verdict.maxAbsoluteDifference < 1e-5)
  assert.equal(verdict.worst.length, 5)
  assert.ok(verdict.milliseconds > 0)
})

test('a conversion that differs in one row fails and names the row', async () => {
  const verdict = await ask({ ...question, expected: values.with(17, { value: (expected[17] ?? 0) + 0.5 }) })
  assert.equal(verdict.ok, false)
  assert.equal(verdict.worst[0].row, 17)
  assert.ok(Math.abs(verdict.maxAbsoluteDifference - 0.5) < 1e-5)
})

test('a row that Python refuses must be refused, and a column may refuse what is missing', async () => {
  const gap = rows.findIndex((row) => row[1] === null)
  const refused = { ...question, expected: question.expected.with(gap, { error: 'no gap' } as never) }
  const verdict = await ask(refused)
  assert.deepEqual([verdict.ok, verdict.mismatches, verdict.worst[0].row], [false, 1, gap])
  const gaps = rows.map((row) => row[1] === null)
  const inputs = onnxInputs.map((input) => (input.column === 'running_time' ? { ...input, missing: 'refused' } : input))
  const all = values.map((value, row) => (gaps[row] ? { error: 'no gap' } : value))
  assert.equal((await ask({ ...question, inputs, expected: all })).ok, true)
})

test('rows are asked with those of their request, and a refused one still in company', async () => {
  const inputs = onnxInputs.map((input) =>
    input.column === 'genre' ? { ...input, gap: { some: 'Drama', none: 'Comedy', instead: {} } } : input,
  )
  const [budget, time] = [20, 90]
  const given = ['Drama', 'Comedy', 'Action', null, null]
  const predicted = async (genre: string) => {
    const model = await OnnxModel.load(fixture('champion').bytes, { inputs: [...onnxInputs], output: 'variable' })
    const { values: own } = await model.predict({ kind: 'table', columns, rows: [[budget, time, genre]] })
    return { value: own[0] }
  }
  const asked = {
    ...question,
    inputs,
    rows: given.map((genre) => [budget, time, genre]),
    requests: ['', '', '', '', 'without genre'],
    expected: await Promise.all(['Drama', 'Comedy', 'Action', 'Drama', 'Comedy'].map(predicted)),
  }
  assert.equal((await ask(asked)).ok, true)
  const apart = await ask({ ...asked, requests: ['', '', '', 'alone', 'without genre'] })
  assert.deepEqual([apart.ok, apart.mismatches, apart.worst[0].row], [false, 1, 3])
  const refuses = inputs.map((input) => ('gap' in input ? { ...input, gap: { ...input.gap, some: null } } : input))
  const refused = asked.expected.with(3, { error: 'no text' } as never)
  assert.equal((await ask({ ...asked, inputs: refuses, expected: refused })).ok, true)
})

test('a conversion that does not load, and a comparison with nothing, fail', async () => {
  assert.match((await ask({ ...question, output: 'nothing' })).error, /no output/)
  assert.match((await ask({ ...question, rows: [], requests: [], expected: [] })).error, /nothing to compare/)
  assert.equal((await ask({ ...question, modelFile: '/nowhere.onnx' })).ok, false)
})

test('a network is asked by tensors, and a row of another answer fails it', async () => {
  const network = fixture('network')
  const asked = {
    modelFile: network.path,
    inputs: [
      { column: 'point', tensor: 'input_0', type: 'float32', shape: [2] },
      { column: 'count', tensor: 'input_1', type: 'int64', shape: [] },
    ],
    output: 'sum',
    shape: 'list',
    kind: 'numbers',
    scores: null,
    tolerance: 1e-4,
    columns: network.columns,
    rows: network.rows,
    requests: network.rows.map(() => ''),
    expected: network.expected.map((answer) => ({ value: answer })),
  }
  assert.equal((await ask(asked)).ok, true)
  assert.equal((await ask({ ...asked, expected: asked.expected.with(0, { value: [4, 6] as never }) })).ok, false)
})
