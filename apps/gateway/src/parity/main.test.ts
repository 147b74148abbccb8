import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fixture, onnxInputs } from '../fixtures.ts'

const program = new URL('./main.ts', import.meta.url).pathname
const { path, columns, rows, expected } = fixture('champion')
const question = { modelFile: path, inputs: onnxInputs, output: 'variable', columns, rows, expected, tolerance: 1e-4 }

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
  const verdict = await ask({ ...question, expected: expected.with(17, (expected[17] ?? 0) + 0.5) })
  assert.equal(verdict.ok, false)
  assert.equal(verdict.worst[0].row, 17)
  assert.ok(Math.abs(verdict.maxAbsoluteDifference - 0.5) < 1e-5)
})

test('a conversion that does not load, and a comparison with nothing, fail', async () => {
  assert.match((await ask({ ...question, output: 'nothing' })).error, /no output/)
  assert.match((await ask({ ...question, rows: [], expected: [] })).error, /nothing to compare/)
  assert.equal((await ask({ ...question, modelFile: '/nowhere.onnx' })).ok, false)
})
