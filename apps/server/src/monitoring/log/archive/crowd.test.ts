import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crowdOf } from './crowd.ts'

const MB = 1 << 20

test('the smallest files of one size are the crowd, and fewer are none', () => {
  const small = Array.from({ length: 12 }, (_, place) => ({ bytes: (place + 1) * 1000 }))
  const large = Array.from({ length: 12 }, () => ({ bytes: 20 * MB }))
  assert.deepEqual(crowdOf([...large, ...small], 12), small)
  assert.deepEqual(crowdOf([...large, ...small.slice(1)], 12), large)
  assert.deepEqual(crowdOf([...large.slice(1), ...small.slice(1)], 12), [])
})

test('however many segments a day has, a byte of it is written once for each size of files', () => {
  let files: { bytes: number }[] = []
  let written = 0
  const segments = 4000
  for (let segment = 0; segment < segments; segment += 1) {
    files.push({ bytes: 2 * MB })
    for (let crowd = crowdOf(files, 12); crowd.length > 0; crowd = crowdOf(files, 12)) {
      const bytes = crowd.reduce((sum, file) => sum + file.bytes, 0)
      files = [...files.filter((file) => !crowd.includes(file)), { bytes }]
      written += bytes
    }
  }
  assert.ok(written <= 4 * segments * 2 * MB, `${written / (segments * 2 * MB)} times`)
  assert.ok(files.length < 4 * 12, `${files.length} files`)
})
