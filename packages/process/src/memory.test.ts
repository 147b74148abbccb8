import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'

/** The heap of a process that held some 100 MB of objects for a moment, MB: after so many looks, or as soon as it is small. */
function heapLater(flags: readonly string[], looks: number): number {
  const program = `
    import { setTimeout as sleep } from 'node:timers/promises'
    import { returnMemoryWhenQuiet } from ${JSON.stringify(import.meta.resolve('./memory.ts'))}
    returnMemoryWhenQuiet(150)
    await sleep(200)
    let held = Array.from({ length: 1_000_000 }, (_, i) => ({ i, text: 'value ' + i }))
    await sleep(0)
    held = undefined
    for (let look = 0; look < ${looks} && process.memoryUsage().heapTotal > 30 * 2 ** 20; look++) await sleep(150)
    console.log(process.memoryUsage().heapTotal / 2 ** 20)`
  const args = [...flags, '--input-type=module', '-e', program]
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}

test('a process that was busy and is quiet gives the memory of its heap back', () => {
  const kept = heapLater([], 4)
  const returned = heapLater(['--expose-gc'], 40)
  assert.ok(kept > 60, `the heap shrank by itself to ${kept} MB`)
  assert.ok(returned <= 30, `the heap still has ${returned} MB`)
})
