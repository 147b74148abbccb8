import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideContainment, decideDisk, decideForeignDatabase, decideNode } from './decide.ts'
import { describe } from './finding.ts'

test('each check tells apart what works, what one should know and what is missing', () => {
  const table = [
    [decideNode('v24.21.0'), 'fine'],
    [decideNode('v22.18.0'), 'fine'],
    [decideNode('v22.17.9'), 'missing'],
    [decideNode('v20.20.2'), 'missing'],
    [decideDisk(1_499_999_999), 'missing'],
    [decideDisk(1_500_000_000), 'note'],
    [decideDisk(5_000_000_000), 'fine'],
    [decideContainment(0), 'fine'],
    [decideContainment(1000), 'note'],
    [decideForeignDatabase(150_004), 'fine'],
    [decideForeignDatabase(140_011), 'missing'],
  ] as const
  for (const [finding, kind] of table) assert.equal(finding.kind, kind, describe(finding))
})

test('an ordinary user is told what is not contained', () => {
  assert.match(
    describe(decideContainment(1000)),
    /uid 1000: model code can read the data folder.*→ run only models you trust/,
  )
})
