import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Cell } from '@tidemark/contracts'

/** A row of the source, as it is. */
export type RawFilm = Readonly<Record<string, Cell>>

/** A released film with what the demo needs of it. */
export interface Film {
  /** `Title (1999-12-31)`: the key under which prediction and label meet; the same as the pipeline's. */
  readonly entity: string
  readonly released: Date
  readonly rating: number | null
  readonly row: RawFilm
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** All rows of `movies.json`, from the npm package vega-datasets (its licence for this file is not stated: it is read in place). */
export function readFilms(): RawFilm[] {
  const require = createRequire(import.meta.url)
  // The package exports its code only; its data lies beside.
  const entry = require.resolve('vega-datasets')
  const path = join(entry.slice(0, entry.lastIndexOf('vega-datasets') + 'vega-datasets'.length), 'data/movies.json')
  return JSON.parse(readFileSync(path, 'utf8')) as RawFilm[]
}

/** `Jun 12 1998` as a date in UTC, by the source's own form. @throws Error for any other form. */
export function releaseDate(row: RawFilm): Date {
  const match = /^([A-Z][a-z]{2}) (\d{2}) (\d{4})$/.exec(String(row['Release Date']))
  const month = MONTHS.indexOf(match?.[1] ?? '')
  if (!match || month < 0)
    throw new Error(`"${String(row['Release Date'])}" is not a release date as in "Jun 12 1998".`)
  return new Date(Date.UTC(Number(match[3]), month, Number(match[2])))
}

/** Films with a title, by release day. Films without one have no key, so no label could ever be joined. */
export function filmsOf(rows: readonly RawFilm[]): Film[] {
  return rows
    .filter((row) => row.Title !== null)
    .map((row) => {
      const released = releaseDate(row)
      const rating = row['IMDB Rating']
      return {
        entity: `${String(row.Title)} (${released.toISOString().slice(0, 10)})`,
        released,
        rating: typeof rating === 'number' ? rating : null,
        row,
      }
    })
    .sort((a, b) => a.released.getTime() - b.released.getTime() || (a.entity < b.entity ? -1 : 1))
}

/** What the site sends to be scored: the endpoint's columns, as they are known on release day. */
export function scoringRow(film: Film, columns: readonly { readonly name: string }[]): Record<string, Cell> {
  return Object.fromEntries(
    columns.map(({ name }) => [
      name,
      name === 'Release Month' ? film.released.getUTCMonth() + 1 : (film.row[name] ?? null),
    ]),
  )
}

/** First instant of a month, UTC. `month` counts from 0 and may run over. */
export function monthStart(year: number, month: number): Date {
  return new Date(Date.UTC(year, month, 1))
}
