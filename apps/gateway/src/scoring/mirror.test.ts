import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type AnswerRecord, LogRecord, uuidv7 } from '@tidemark/contracts'
import { columns, fixture, variant } from '../fixtures.ts'
import { PredictionLog } from '../log/segments.ts'
import { Models } from '../runtimes/models.ts'
import { OnnxModel } from '../runtimes/onnx.ts'
import { createLog, createTelemetry } from '../telemetry.ts'
import { Mirror } from './mirror.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-mirror-'))
after(() => rmSync(folder, { recursive: true }))
const telemetry = createTelemetry()
const log = new PredictionLog({ folder, gateway: 'g' })
const models = new Models(async ({ version, runtime }) => {
  assert.equal(runtime.kind, 'onnx')
  return OnnxModel.load(fixture(version === 'films/3' ? 'failing' : 'candidate').bytes, runtime)
})
const candidate = await models.get(variant('candidate', 'films/2'))
const failing = await models.get(variant('failing', 'films/3'))

function answer(): AnswerRecord {
  return {
    kind: 'answer',
    id: uuidv7(),
    workspace: 'default',
    endpoint: 'films',
    arrivedAt: 1,
    eventTime: 2,
    requestId: 'r',
    caller: 'visitor',
    entities: ['film'],
    version: 'films/1',
    runtime: 'onnx',
    rollout: { id: uuidv7(), stage: 3, arm: 'champion', weightPercent: 10 },
    columns: columns.map(({ name }) => name),
    rows: [[20.5, 110, 'Drama']],
    predictions: [7],
    error: null,
    milliseconds: 1,
  }
}
const records = () =>
  readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => LogRecord.parse(JSON.parse(line))),
  )
const count = async (outcome: string) =>
  (await telemetry.mirrors.get()).values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0

test('a full queue drops the newest, counts them, and mirrors the rest', async () => {
  const mirror = new Mirror({ models, log, telemetry, out: createLog('fatal'), maxWaiting: 2 })
  const answers = Array.from({ length: 10 }, answer)
  for (const one of answers) mirror.add({ answer: one, version: candidate, arm: 'candidate' })
  await mirror.drain(5000)
  // Four run at once and two wait.
  assert.deepEqual(
    records().map(({ id }) => id),
    answers.slice(0, 6).map(({ id }) => id),
  )
  assert.deepEqual([await count('predicted'), await count('dropped')], [6, 4])
})

test('the failure of a mirrored version is a record too', async () => {
  const mirror = new Mirror({ models, log, telemetry, out: createLog('fatal') })
  const one = answer()
  mirror.add({ answer: one, version: failing, arm: 'candidate' })
  await mirror.drain(5000)
  const record = records().find(({ id }) => id === one.id)
  assert.equal(record?.kind, 'mirror')
  assert.equal(record?.predictions, null)
  assert.match(record?.error ?? '', /feature/)
  assert.equal(await count('failed'), 1)
})

test('a thing is mirrored once in a rollout, and again in the next', async () => {
  const mirror = new Mirror({ models, log, telemetry, out: createLog('fatal') })
  const first = answer()
  const again = { ...answer(), rollout: first.rollout }
  const other = { ...answer(), rollout: first.rollout, entities: ['another film'] }
  const nameless = { ...answer(), rollout: first.rollout, entities: [null] }
  const later = answer()
  const asked = [first, again, other, nameless, { ...nameless, id: uuidv7() }, later]
  for (const one of asked) mirror.add({ answer: one, version: candidate, arm: 'candidate' })
  await mirror.drain(5000)
  const logged = new Set(records().map(({ id }) => id))
  assert.deepEqual(
    asked.map(({ id }) => logged.has(id)),
    [true, false, true, true, true, true],
  )
})
