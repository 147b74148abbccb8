import { writeFileSync } from 'node:fs'

/** One claim of a benchmark: the peer's figure and ours from the same run. */
export interface Row {
  readonly claim: string
  readonly peer: number | null
  readonly ours: number
  readonly unit: string
  /** Peer over ours where less is better: how many times better we are. */
  readonly ratio: number | null
  readonly goal: string
  readonly met: boolean
}

/** The middle one of an odd number of figures, of an even number the upper of the two; NaN of none. */
export function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN
}

/** Prints the rows as a table and, with a file, writes them. Sets the exit code to 1 when a goal was missed. */
export function report(rows: readonly Row[], file: string | undefined): void {
  const header = ['claim', 'peer', 'ours', 'unit', 'ratio', 'goal', 'met']
  const cells = rows.map((row) => [
    row.claim,
    row.peer === null ? '–' : show(row.peer),
    show(row.ours),
    row.unit,
    row.ratio === null ? '–' : `${row.ratio.toFixed(1)}×`,
    row.goal,
    row.met ? 'yes' : 'NO',
  ])
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)))
  for (const row of [header, ...cells])
    console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  if (file) writeFileSync(file, `${JSON.stringify(rows, null, 2)}\n`)
  if (rows.some((row) => !row.met)) process.exitCode = 1
}

function show(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(3)
}
