import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readEndpointFile } from './file.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-endpoint-file-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function file(text: string): string {
  const path = join(folder, 'endpoint.yaml')
  writeFileSync(path, text)
  return path
}

test("the example's endpoint is read with its policy", () => {
  const example = readEndpointFile(fileURLToPath(new URL('../../../../examples/films/endpoint.yaml', import.meta.url)))
  assert.deepEqual([example.name, example.model, example.replay], ['films', 'films', true])
  assert.equal(example.policy.automation?.pipeline, 'films')
})

test('a file that names only endpoint and model gets the default policy', () => {
  const { policy, version } = readEndpointFile(file('name: songs\nmodel: songs\nversion: 3\n'))
  assert.deepEqual([version, policy.approval, policy.rollout.maxDays], [3, 'person', 365])
})

test('what is wrong in a file is named with its place, and a file that is not there by its name', () => {
  const wrong = [
    ['name: songs\nmodel: songs\npolicy: { rollout: { maxDay: 3 } }', /maxDay[\s\S]*policy\.rollout/],
    ['name: songs', /model/],
    ['name: [', /endpoint\.yaml cannot be read/],
  ] as const
  for (const [text, said] of wrong) assert.throws(() => readEndpointFile(file(text)), said)
  assert.throws(() => readEndpointFile(join(folder, 'nothing.yaml')), /nothing\.yaml cannot be read/)
})
