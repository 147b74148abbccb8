import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { AnswerRecord, JsonValue } from '@tidemark/contracts'
import { answerOf, month } from '../../testing.ts'
import { matches, readCondition } from './filter.ts'
import { ParquetFiles } from './parquet.ts'
import { inputOf, jsonOf } from './rows.ts'
import type { ArchiveFile } from './store.ts'

const NOBODY = { budget: null, minutes: null, genre: null, director: null }
const place = { workspace: 'default', endpoint: 'films', kind: 'answer' as const, day: '2000-01-01' }
let folder: string
let files: ParquetFiles
let file: ArchiveFile

/** A prediction with a row for each cell of the column `x`. */
function of(cells: JsonValue[], answers: JsonValue[]): AnswerRecord {
  return answerOf(null, month(1), NOBODY, 1, {
    columns: ['x'],
    rows: cells.map((cell) => [cell]),
    entities: cells.map(() => null),
    predictions: answers,
  })
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-filter-'))
  files = new ParquetFiles(join(folder, 'predictions'), join(folder, 'work'))
  const plain = await files.write(place, [of([1, 2.5, null], [1, null, 3])], [], [])
  const mixed = await files.write(
    place,
    [of(['Drama', 7, '8', true, [1, 2], null], ['Drama', '7', true, [1, 2], null, 7])],
    [],
    [],
  )
  const made = await files.rewrite(
    place,
    [plain, mixed].filter((each) => each !== null),
  )
  assert.ok(made)
  file = made
})
after(async () => {
  await files.close()
  await rm(folder, { recursive: true, force: true })
})

test('a condition means the same of a file as of a record: values of mixed types, files made of several, answers that are null', async () => {
  const every = await files.newest(file, { where: [] }, 100)
  assert.equal(every.length, 9)
  const conditions = ['input.x', 'prediction'].flatMap((field) => [
    ...['1', '7', '8', 'Drama', 'true', '[1,2]', 'null'].flatMap((value) => [
      `${field}=${value}`,
      `${field}!=${value}`,
    ]),
    ...['<', '<=', '>', '>='].map((operator) => `${field}${operator}2.5`),
  ])
  for (const text of conditions) {
    const where = [readCondition(text)]
    const found = await files.newest(file, { where }, 100)
    const meant = every.filter((row) =>
      matches(
        { where },
        {
          id: String(row.prediction_id),
          row: Number(row.row),
          eventTime: Number(row.event_time),
          version: String(row.version),
          caller: null,
          entity: null,
          input: inputOf(row),
          prediction: jsonOf(row.prediction_json),
          error: null,
          milliseconds: Number(row.milliseconds),
        },
      ),
    )
    assert.deepEqual(found, meant, text)
  }
})
