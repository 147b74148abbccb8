import type { Film } from './films.ts'
import { seededRandom } from './random.ts'

/** One look of one visitor at one film. */
export interface Visit {
  readonly film: Film
  readonly caller: string
  /** Event time. */
  readonly at: Date
}

const POPULATION = 2000
/** Pareto shape: most visitors come seldom, a few very often, as on real sites. */
const SHAPE = 1.5
const DAY = 86_400_000

/** The simulated visitors of the film site. Which films they look at is chance; nothing about a film's rating enters. */
export class Visitors {
  private readonly cumulative: readonly number[]
  private readonly random: () => number
  private readonly meanVisits: number

  /** @param meanVisits visits per film on average; each film has at least two. */
  constructor(seed: number, meanVisits: number) {
    this.random = seededRandom(seed)
    this.meanVisits = meanVisits
    let total = 0
    this.cumulative = Array.from({ length: POPULATION }, () => {
      total += (1 - this.random()) ** (-1 / SHAPE)
      return total
    })
  }

  /** Visits to one film in the days after its release, not later than `until`. */
  visitsOf(film: Film, until: Date): Visit[] {
    const count = 2 + Math.floor(-Math.log(1 - this.random()) * (this.meanVisits - 2))
    const days = Math.max(1, Math.min(14, (until.getTime() - film.released.getTime()) / DAY))
    return Array.from({ length: count }, () => ({
      film,
      caller: this.someone(),
      at: new Date(Math.min(until.getTime() - 1000, film.released.getTime() + this.random() * days * DAY)),
    }))
  }

  private someone(): string {
    const wanted = this.random() * (this.cumulative.at(-1) ?? 0)
    let low = 0
    let high = this.cumulative.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.cumulative[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return `visitor-${low}`
  }
}
