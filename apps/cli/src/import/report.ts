import { table } from '../table.ts'
import type { Report } from './import.ts'
import { KINDS, type Named } from './tally.ts'

/** Names shown of each reason; a report file has all of them. */
const SHOWN = 5

/** The report of an import for a terminal. */
export function reportText(report: Report): string {
  const head = ['', 'AT SOURCE', 'IMPORTED', 'UPDATED', 'ALREADY HERE', 'SKIPPED', 'DIFFER']
  const rows = report.counts.map((row) => [
    row.kind,
    ...[row.source, row.imported, row.updated, row.unchanged, row.skipped, row.mismatched].map(String),
  ])
  const leftOut = report.leftOut.map(
    ({ what, count, reason }) => `  ${count > 1 || count === 0 ? `${count || ''} ${what}`.trim() : what}: ${reason}`,
  )
  return [
    table([head, ...rows]),
    ...section('Noted:', report.told),
    ...section('Skipped:', report.skipped),
    ...(leftOut.length > 0 ? ['', 'Not carried over:', ...leftOut] : []),
    ...section('DIFFERENT HERE, although it was written:', report.mismatched),
    '',
    ending(report),
  ].join('\n')
}

function ending({ counts, mismatched, seconds }: Report): string {
  const changed = counts.reduce((sum, row) => sum + row.imported + row.updated, 0)
  if (mismatched.length > 0) return `${mismatched.length} things read differently here than at the source.`
  if (changed === 0) return `Nothing to do: all of it is here already (${seconds.toFixed(1)} s).`
  return `Done in ${seconds.toFixed(1)} s. The SHA-256 of everything written equals the source's.`
}

/** Things by their reason, a few names of each. */
function section(title: string, things: readonly Named[]): string[] {
  if (things.length === 0) return []
  const reasons = Map.groupBy(things, ({ kind, reason }) => `${KINDS[kind]}: ${reason}`)
  return [
    '',
    title,
    ...[...reasons].flatMap(([reason, list]) => {
      const names = list.slice(0, SHOWN).map(({ id }) => `    ${id}`)
      const more = list.length > SHOWN ? [`    and ${list.length - SHOWN} more`] : []
      return [`  ${reason}`, ...names, ...more]
    }),
  ]
}
