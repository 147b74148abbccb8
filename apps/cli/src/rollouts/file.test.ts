import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readRolloutFile } from './file.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-rollout-file-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function file(text: string): string {
  const path = join(folder, 'rollout.yaml')
  writeFileSync(path, text)
  return path
}
const HEAD = 'endpoint: films\nversion: 4\nreason: the new forest\n'

test('a rollout in a file has its version, its reason and its policy with defaults', () => {
  const { version, policy } = readRolloutFile(
    file(`${HEAD}policy: { strategy: blue_green, blueGreen: { holdbackPercent: 10 } }`),
  )
  assert.deepEqual(
    [version, policy?.strategy, policy?.blueGreen.keepWarmHours, policy?.alpha],
    [4, 'blue_green', 24, 0.05],
  )
  assert.equal(readRolloutFile(file(HEAD)).policy, undefined)
})

test('what is wrong in a file is named with its place', () => {
  const wrong = [
    ['policy: { strategy: ab }', /variants/],
    [
      'policy: { strategy: ab, ab: { variants: [{ version: 4, weightPercent: 60 }, { version: 5, weightPercent: 40 }] } }',
      /champion/,
    ],
    ['policy: { rules: [{ name: staff, when: {}, send: candidate }] }', /condition[\s\S]*when/],
    ['policy: { rules: [{ name: staff, when: { caller: { equals: a } }, send: 7 }] }', /rules\[0\]\.send/],
    ['policy: { canary: [{ weightPercent: 101 }] }', /weightPercent/],
  ] as const
  for (const [text, said] of wrong) assert.throws(() => readRolloutFile(file(HEAD + text)), said, text)
})
