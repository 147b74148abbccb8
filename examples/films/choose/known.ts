import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureEnvironment } from '@tidemark/workers'
import { z } from 'zod'

const EXAMPLE = fileURLToPath(new URL('..', import.meta.url))
const CLONE = join(EXAMPLE, '../..')

/** What `python -m choose` says of the films released before 2000; nothing else of the data reaches a choice. */
const Known = z.strictObject({
  labelled: z.int(),
  /** The last months before 2000 that the rates are taken from: as many as the gates' holdout has. */
  months: z.int(),
  /** Release days of these months, with or without a rating. */
  releaseDays: z.array(z.iso.date()),
  candidates: z.array(z.strictObject({ encoding: z.string(), leaf: z.int(), features: z.number(), rmse: z.number() })),
  chosen: z.strictObject({ encoding: z.string(), leaf: z.int(), features: z.number() }),
  /** Two fits of the chosen form on the labelled films of these months. */
  pairs: z.array(z.strictObject({ champion: z.number(), candidate: z.number(), label: z.number() })),
})
export type Known = z.infer<typeof Known>
export type RefitPair = Known['pairs'][number]

/** The data as `npm ci` brought it. */
export const MOVIES = join(CLONE, 'node_modules/vega-datasets/data/movies.json')

/** Scores the candidates and fits the chosen one twice, in the workers' environment; about ten seconds. */
export async function readKnown(movies: string = MOVIES): Promise<Known> {
  const { python } = await ensureEnvironment(join(CLONE, 'python/locks/worker.txt'))
  const said = execFileSync(python, ['-m', 'choose', movies], {
    cwd: EXAMPLE,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PYTHONDONTWRITEBYTECODE: '1' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return Known.parse(JSON.parse(said))
}
