import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Part } from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import { CHAMPION_ALONE, reallocate } from './parts.ts'

const VERSIONS = ['m/2', 'm/3', 'm/4', 'm/5']

function owner(parts: readonly Part[], at: number): string | null {
  return parts.find(({ toPercent }) => at < toPercent)?.version ?? null
}

function sharesOf(parts: readonly Part[]): Map<string | null, number> {
  const shares = new Map<string | null, number>()
  let from = 0
  for (const { toPercent, version } of parts) {
    shares.set(version, (shares.get(version) ?? 0) + toPercent - from)
    from = toPercent
  }
  return shares
}

/** Exactly, by walking the borders of both. */
function moved(before: readonly Part[], after: readonly Part[]): number {
  const borders = [
    ...new Set([0, ...before, ...after].map((each) => (typeof each === 'number' ? each : each.toPercent))),
  ]
  borders.sort((a, b) => a - b)
  return borders.slice(1).reduce((sum, to, index) => {
    const from = borders[index] ?? 0
    const middle = (from + to) / 2
    return owner(before, middle) === owner(after, middle) ? sum : sum + to - from
  }, 0)
}

test('whatever the weights become, each version gets its share and nobody moves who need not', () => {
  const uniform = seededUniform(7)
  for (let run = 0; run < 200; run += 1) {
    let parts: readonly Part[] = CHAMPION_ALONE
    for (let change = 0; change < 8; change += 1) {
      const raw = VERSIONS.map(() => (uniform() < 0.3 ? 0 : uniform()))
      const scale =
        (uniform() * 100) /
        Math.max(
          1e-9,
          raw.reduce((sum, weight) => sum + weight, 0),
        )
      const weights = new Map(VERSIONS.map((version, index) => [version, (raw[index] ?? 0) * scale]))
      const before = sharesOf(parts)
      const after = reallocate(parts, weights)
      const shares = sharesOf(after)
      const champion = 100 - [...weights.values()].reduce((sum, weight) => sum + weight, 0)
      const due = new Map<string | null, number>([...weights, [null, champion]])
      let gains = 0
      for (const [version, weight] of due) {
        assert.ok(
          Math.abs((shares.get(version) ?? 0) - weight) < 1e-6,
          `${version}: ${shares.get(version)} of ${weight}`,
        )
        gains += Math.max(0, weight - (before.get(version) ?? 0))
      }
      assert.ok(Math.abs(moved(parts, after) - gains) < 1e-6, `moved ${moved(parts, after)} for gains of ${gains}`)
      assert.equal(after.at(-1)?.toPercent, 100)
      parts = after
    }
    assert.ok(parts.length < 60, `${parts.length} parts`)
  }
})

test('a version that is dropped gives its callers to the champion, and the others keep theirs', () => {
  const first = reallocate(
    CHAMPION_ALONE,
    new Map([
      ['m/2', 20],
      ['m/3', 30],
    ]),
  )
  const then = reallocate(
    first,
    new Map([
      ['m/2', 0],
      ['m/3', 30],
    ]),
  )
  for (let at = 0.5; at < 100; at += 1) {
    assert.equal(owner(then, at), owner(first, at) === 'm/2' ? null : owner(first, at), `at ${at} %`)
  }
})

test('more than everybody cannot be given away', () => {
  assert.throws(
    () =>
      reallocate(
        CHAMPION_ALONE,
        new Map([
          ['m/2', 60],
          ['m/3', 41],
        ]),
      ),
    /100 %/,
  )
})
