import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Gate, GateName, GateVerdict } from '@tidemark/contracts'
import { decideWaiver, type WaiverDecision } from './decide.ts'

const gate = (name: GateName, verdict: GateVerdict): Gate => ({ name, verdict, numbers: {}, sentence: '', parts: [] })
const gates = [
  gate('beats_champion', 'failed'),
  gate('integrity', 'not_judged'),
  gate('slices', 'not_judged'),
  gate('robustness', 'passed'),
]
const table: [string, GateName[], WaiverDecision][] = [
  ['exactly the gates in the way are waived', ['beats_champion', 'integrity'], { kind: 'admitted' }],
  ['one left out stays in the way', ['beats_champion'], { kind: 'incomplete', gates: ['integrity'] }],
  [
    'a gate that passed cannot be waived',
    ['beats_champion', 'integrity', 'robustness'],
    { kind: 'not_needed', gate: 'robustness' },
  ],
  ['slices that nobody could judge stand in nobody’s way', ['slices'], { kind: 'not_needed', gate: 'slices' }],
]
for (const [name, asked, expected] of table) test(name, () => assert.deepEqual(decideWaiver(gates, asked), expected))
