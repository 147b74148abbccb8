import type { Platform } from '../demo/context.ts'
import { seedFilmYear } from './film-year.ts'

/** What a platform under development can be filled with, to have something to look at. Each fills an empty platform by its API and gateway. */
export const SCENARIOS: Readonly<Record<string, { summary: string; fill: (platform: Platform) => Promise<unknown> }>> =
  {
    'film-year': {
      summary: 'a film site over sixteen months: training, gates, a waiver, a rollout, an input fault (about 20 s)',
      fill: seedFilmYear,
    },
  }
