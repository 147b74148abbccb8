import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startKept } from '../../kept.ts'
import { attack } from './attack.ts'

const COUNT = 200_000
const ROUNDS = 10

function megabytes(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024
}

test('200,000 malformed requests: no crash, nothing that is the gateway’s fault, and its memory stays where it was', async (t) => {
  const kept = await startKept()
  try {
    const totals: Record<string, number> = {}
    const memory: number[] = []
    const begun = performance.now()
    for (let round = 0; round < ROUNDS; round++) {
      const { statuses, wrong } = await attack(kept.url, COUNT / ROUNDS, 100 + round)
      assert.deepEqual(wrong, [])
      for (const [status, times] of statuses) totals[status] = (totals[status] ?? 0) + times
      memory.push(Math.round(megabytes(kept.pid)))
    }
    const seconds = (performance.now() - begun) / 1000
    t.diagnostic(`${JSON.stringify(totals)} in ${seconds.toFixed(0)} s; MB after each tenth: ${memory.join(' ')}`)
    const [first = 0, last = 0] = [memory[1], memory.at(-1)]
    assert.ok(last <= first * 1.25 + 20, `memory grew from ${first} to ${last} MB`)
  } finally {
    await kept.end()
  }
})
