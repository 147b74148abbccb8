import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { LogRecord, SegmentHeader, uuidv7 } from '@tidemark/contracts'
import { PredictionLog, type SegmentOptions } from './segments.ts'

const root = mkdtempSync(join(tmpdir(), 'tidemark-log-'))
after(() => rmSync(root, { recursive: true }))
let folders = 0

function open(options: Partial<SegmentOptions> = {}) {
  const folder = options.folder ?? join(root, String(folders++))
  const log = new PredictionLog({ gateway: 'g1', ...options, folder })
  return { folder, log }
}

function record(): LogRecord {
  return {
    kind: 'answer',
    id: uuidv7(),
    workspace: 'default',
    endpoint: 'films',
    arrivedAt: 1,
    eventTime: 1,
    requestId: 'r',
    caller: null,
    entities: [null],
    version: 'films/1',
    runtime: 'onnx',
    rollout: null,
    columns: ['a'],
    rows: [['x\ny']],
    predictions: [1.5],
    error: null,
    milliseconds: 0.1,
  }
}

const segments = (folder: string) => readdirSync(folder).sort()
const lines = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8').trimEnd().split('\n')

test('a record is in the file when append resolves, as a line after the header', async () => {
  const { folder, log } = open()
  const written = record()
  await log.append(written)
  assert.deepEqual(segments(folder), ['00000001.ndjson'])
  const [header, line, ...more] = lines(folder, '00000001.ndjson')
  assert.deepEqual(more, [])
  assert.equal(SegmentHeader.parse(JSON.parse(header ?? '')).segment, 1)
  assert.deepEqual(LogRecord.parse(JSON.parse(line ?? '')), written)
  await log.close()
})

test('rows that are there as bytes go into the line as they stand, among others of the same turn', async () => {
  const { folder, log } = open()
  const [first, second, third] = [record(), record(), record()]
  const rows = JSON.stringify([['x\ny']])
  await Promise.all([
    log.append(first),
    log.append(second, { columns: '["a"]', rows: Buffer.from(`[${rows}]`).subarray(1, -1), predictions: '[1.5]' }),
    log.append(third, { columns: '["a"]', rows, predictions: undefined }),
  ])
  const [, ...written] = lines(folder, '00000001.ndjson')
  assert.deepEqual(
    written.map((line) => LogRecord.parse(JSON.parse(line))),
    [first, second, third],
  )
  await log.close()
})

test('records of one turn of the event loop share one write', async () => {
  let writes = 0
  const { folder, log } = open({ onWritten: () => writes++ })
  await Promise.all(Array.from({ length: 50 }, () => log.append(record())))
  assert.equal(writes, 1)
  assert.equal(lines(folder, '00000001.ndjson').length, 51)
  await log.close()
})

test('each process begins a new segment, also after a torn last line', async () => {
  const { folder, log } = open()
  await log.append(record())
  await log.close()
  const first = join(folder, '00000001.ndjson')
  writeFileSync(first, '{"kind":"answer","id":', { flag: 'a' })
  const torn = readFileSync(first)
  const next = open({ folder })
  await next.log.append(record())
  await next.log.close()
  assert.deepEqual(segments(folder), ['00000001.ndjson', '00000002.ndjson'])
  assert.deepEqual(readFileSync(first), torn)
})

test('two processes with one folder never write into one file', async () => {
  const one = open()
  const two = open({ folder: one.folder })
  await one.log.append(record())
  await two.log.append(record())
  assert.deepEqual(segments(one.folder), ['00000001.ndjson', '00000002.ndjson'])
  await one.log.close()
  await two.log.close()
})

test('segments rotate by size and by age', async () => {
  const bySize = open({ maxBytes: 500 })
  for (let n = 0; n < 4; n++) await bySize.log.append(record())
  await bySize.log.close()
  assert.ok(segments(bySize.folder).length >= 2)
  const byAge = open({ maxAgeMs: 20 })
  await byAge.log.append(record())
  await new Promise((resolve) => setTimeout(resolve, 40))
  await byAge.log.append(record())
  await byAge.log.close()
  assert.equal(segments(byAge.folder).length, 2)
})

test('a record that cannot be written is an error, and the log works again when the disk does', async () => {
  const failures: unknown[] = []
  const { folder, log } = open({ onFailure: (error) => failures.push(error), retryAfterMs: 50 })
  rmSync(folder, { recursive: true })
  await assert.rejects(log.append(record()), { code: 'ENOENT' })
  assert.equal(log.healthy, false)
  const again = open({ folder })
  await assert.rejects(log.append(record()), { code: 'ENOENT' }, 'not tried again at once')
  assert.equal(failures.length, 1)
  await new Promise((resolve) => setTimeout(resolve, 60))
  await log.append(record())
  assert.equal(log.healthy, true)
  await log.close()
  await again.log.close()
})

test('other users cannot read what callers sent', async () => {
  const { folder, log } = open()
  await log.append(record())
  assert.equal(statSync(folder).mode & 0o077, 0)
  assert.equal(statSync(join(folder, '00000001.ndjson')).mode & 0o077, 0)
  await log.close()
})
