import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Largest difference from Python that is no other answer: float32 against float64, of values around 1. */
const ALLOWED = 1e-4

/** Asks for the thousand rows and compares with what Python said. @returns the largest difference @throws Error beyond 1e-4 */
export async function assertParity(url: string, files: string): Promise<number> {
  const body = await readFile(join(files, 'thousand.json'))
  const expected = (JSON.parse(await readFile(join(files, 'expected.json'), 'utf8')) as unknown[]).map(numberOf)
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  if (!response.ok)
    throw new Error(`${url} refused the thousand rows: ${response.status} ${(await response.text()).slice(0, 300)}`)
  const { predictions } = (await response.json()) as { predictions: unknown[] }
  if (predictions.length !== expected.length)
    throw new Error(`${url} gave ${predictions.length} predictions for ${expected.length} rows.`)
  let largest = 0
  for (const [row, value] of predictions.entries()) {
    const difference = Math.abs(numberOf(value) - (expected[row] ?? Number.NaN))
    if (!(difference <= ALLOWED))
      throw new Error(`${url}: row ${row} is ${numberOf(value)}, and ${expected[row]} in Python.`)
    largest = Math.max(largest, difference)
  }
  return largest
}

/** The number of a prediction, also when a list or a record of one holds it. */
function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'object' && value !== null) {
    const [inner, ...others] = Object.values(value)
    if (others.length === 0) return numberOf(inner)
  }
  return Number.NaN
}
