import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BatchResult, DatasetDefinition } from '@tidemark/contracts'
import { parse } from 'yaml'
import { DATASET, SIMULATION } from './config.ts'
import type { DemoContext, Invariant } from './context.ts'
import { monthStart, type RawFilm, releaseDate } from './films.ts'

/** Station 1: the films that were out when the site opened become a dataset version. */
export async function dataStation(context: DemoContext, rows: readonly RawFilm[]): Promise<Invariant[]> {
  const { platform, story, folder } = context
  const { client } = platform
  story.station('Data: content-addressed, immutable dataset versions')
  const definition = DatasetDefinition.parse(parse(readFileSync(join(folder, 'dataset.yaml'), 'utf8')))
  await client.data.defineDataset({ body: definition })
  story.fact(`Dataset "${definition.name}": ${definition.source}`)
  story.fact(`Licence of the data: ${definition.license}. End of the snapshot, as declared: ${definition.snapshotEnd}.`)

  const opening = monthStart(...SIMULATION.firstMonth)
  const end = new Date(`${definition.snapshotEnd}T23:59:59Z`)
  const known = rows.filter((row) => releaseDate(row) < opening)
  const misdated = rows.filter((row) => releaseDate(row) > end)
  const first = await append(context, [...known, ...misdated], 'films released before the site opened')
  report(context, first)
  for (const { rule, rows: count, reason } of first.quarantine)
    story.decision(`${count} rows quarantined by "${rule}": ${reason}`)

  const again = await append(context, known, 'the same films once more')
  story.fact(`The same films sent again: ${again.message}`)
  const profile = await client.data.getProfile({ params: { dataset: DATASET, version: 'latest' } })
  const running = profile.columns.find(({ column }) => column === 'Running Time min')
  story.fact(
    `Profile: ${profile.columns.length} columns; running time is missing in ${percent(running?.missing ?? 0, profile.rows)} of ${profile.rows} films.`,
  )
  return [
    {
      text: `the quality gate quarantined the ${misdated.length} films dated after the snapshot's end`,
      holds: quarantinedAfterEnd(first) === misdated.length,
    },
    { text: 'a batch that brings nothing new makes no new version', holds: !again.created && again.newRows === 0 },
  ]
}

function quarantinedAfterEnd(result: BatchResult): number {
  return result.quarantine.filter(({ reason }) => reason.includes('two')).reduce((sum, { rows }) => sum + rows, 0)
}

/** Appends a batch of films to the demo's dataset, as any client would. */
export async function append(
  { platform }: Pick<DemoContext, 'platform'>,
  rows: readonly RawFilm[],
  source: string,
): Promise<BatchResult> {
  return platform.client.data.appendRows({ params: { dataset: DATASET }, body: { rows: [...rows], source } })
}

function report({ story }: DemoContext, result: BatchResult): void {
  const { version } = result
  if (!version) return
  story.fact(
    `Version ${version.version} (${version.digest.slice(0, 19)}…): ${version.rows} rows, ${version.newBytes.toLocaleString('en')} bytes stored.`,
  )
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / Math.max(1, whole))} %`
}
