import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startKept } from '../../kept.ts'
import { attack } from './attack.ts'
import type { Heap } from './heap.ts'

const COUNT = Number(process.env.TIDEMARK_FUZZ_REQUESTS ?? 200_000)
const ROUNDS = 10
/** Rounds after which everything was compiled and every cache filled once. */
const WARM = 2
const MB = 2 ** 20

function resident(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024
}

test('200,000 malformed requests: no crash, nothing that is the gateway’s fault, and its memory stays where it was', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-fuzz-'))
  const file = join(folder, 'heap.json')
  const loaded = fileURLToPath(new URL('heap.ts', import.meta.url))
  const kept = await startKept(undefined, {
    NODE_OPTIONS: `--expose-gc --import ${loaded}`,
    TIDEMARK_HEAP_FILE: file,
  })
  const collected = async (): Promise<Heap> => {
    process.kill(kept.pid, 'SIGUSR2')
    while (!existsSync(file)) await sleep(20)
    const heap: Heap = JSON.parse(readFileSync(file, 'utf8'))
    rmSync(file)
    return heap
  }
  try {
    const totals: Record<string, number> = {}
    const memory: number[] = []
    const heaps: Heap[] = []
    const begun = performance.now()
    for (let round = 0; round < ROUNDS; round++) {
      const { statuses, wrong } = await attack(kept.url, COUNT / ROUNDS, 100 + round)
      assert.deepEqual(wrong, [])
      for (const [status, times] of statuses) totals[status] = (totals[status] ?? 0) + times
      memory.push(resident(kept.pid))
      heaps.push(await collected())
    }
    const seconds = (performance.now() - begun) / 1000
    const rounded = (list: readonly number[], unit: number) => list.map((bytes) => (bytes / unit).toFixed(1)).join(' ')
    t.diagnostic(`${JSON.stringify(totals)} in ${seconds.toFixed(0)} s. After each tenth, MB:`)
    t.diagnostic(`resident ${rounded(memory, 1)}`)
    t.diagnostic(
      `heap ${rounded(
        heaps.map(({ heapUsed }) => heapUsed),
        MB,
      )}`,
    )
    t.diagnostic(
      `beside the heap ${rounded(
        heaps.map(({ external }) => external),
        MB,
      )}`,
    )
    // What is kept for each request shows after a collection, whatever the allocators hold back.
    const kilobytes = (of: (heap: Heap) => number) => {
      const [first, last] = [heaps[WARM], heaps.at(-1)]
      return first && last ? (of(last) - of(first)) / 1024 : Number.NaN
    }
    for (const [what, grown] of [
      ['heap', kilobytes(({ heapUsed }) => heapUsed)],
      ['memory beside the heap', kilobytes(({ external }) => external)],
    ] as const)
      assert.ok(grown < 2048, `its ${what} grew by ${grown.toFixed(0)} kB after ${WARM + 1} tenths`)
    // What is held back reaches its plateau: the second half needs no more than the first did.
    const [early, late] = [Math.max(...memory.slice(0, ROUNDS / 2)), Math.max(...memory.slice(ROUNDS / 2))]
    assert.ok(late <= early * 1.1 + 10, `its resident memory grew from ${early.toFixed(0)} to ${late.toFixed(0)} MB`)
  } finally {
    await kept.end()
    rmSync(folder, { recursive: true, force: true })
  }
})
