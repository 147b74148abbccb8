import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Figures } from './measure.ts'
import { judge } from './table.ts'

const figures = (perSecond: number, ms: number): Figures => {
  const cell = { perSecond, p50Ms: ms, p99Ms: 2 * ms, cpuMs: ms / 100 }
  return { c1: cell, c8: cell, c64: cell, batch1: cell, batch8: cell, megabytes: 1, secondsToFirstAnswer: ms / 10 }
}
const short = (rows: ReturnType<typeof judge>) =>
  rows.map(({ claim, goal, ratio, met }) => `${claim}: ${goal}, ${ratio?.toFixed(1)}, ${met}`)

test('a model is held to its goals, in its own units or by its peers', () => {
  assert.deepEqual(short(judge('forest', 'onnx', figures(7000, 12), figures(50, 1000), figures(11_000, 6))), [
    'forest (onnx): 1 row, 64 at a time, against mlflow: ≥ 8000, 140.0, false',
    'forest (onnx): 1 row, 64 at a time: p99: ≤ 25, 83.3, true',
    'forest (onnx): 1 row, 64 at a time, against bare: ≥ 60 % of bare, 0.6, true',
    'forest (onnx): CPU a request, against mlflow: ≤ 0.2, 83.3, true',
    'forest (onnx): CPU a request, against bare: ≤ 1.7× bare, 0.5, false',
    'forest (onnx): CPU a request at 64, against bare: ≤ 1.7× bare, 0.5, false',
    'forest (onnx): 1,000 rows a request, against mlflow: ≥ 50000, 140.0, true',
    'forest (onnx): 1,000 rows a request, against bare: ≥ 85 % of bare, 0.6, false',
    'forest (onnx): first answer: ≤ 1, 83.3, false',
  ])
  assert.deepEqual(short(judge('keras', 'python', figures(2000, 20), figures(30, 300), null)), [
    'keras (python): 1 row, 64 at a time, against mlflow: ≥ 100×, 66.7, false',
    'keras (python): first answer: ≤ 5, 15.0, true',
  ])
  assert.throws(() => judge('forest', 'onnx', figures(1, 1), figures(1, 1), null), /bare server/)
})
