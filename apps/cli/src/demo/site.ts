import type { InputColumn } from '@tidemark/contracts'
import { ENDPOINT, SIMULATION } from './config.ts'
import type { DemoContext } from './context.ts'
import { type Film, monthStart, type RawFilm, scoringRow } from './films.ts'
import { settled } from './settle.ts'
import { append } from './station-data.ts'
import { Visitors } from './visitors.ts'

const DAY = 86_400_000

/** The film site, replayed month by month: releases, visits, ratings as they become known, and the feed of last month's films. */
export class Site {
  private readonly context: DemoContext
  private readonly films: readonly Film[]
  private readonly columns: readonly InputColumn[]
  private readonly visitors: Visitors
  private year: number
  private month: number
  /** Films whose rating is not known yet. */
  private unrated: Film[] = []
  /** Films that were released, not yet in the dataset. */
  private unfed: Film[] = []
  /** True rows of films that were fed with the fault. */
  private faulty: RawFilm[] = []
  visits = 0
  labels = 0

  constructor(context: DemoContext, films: readonly Film[], columns: readonly InputColumn[]) {
    this.context = context
    this.films = films
    this.columns = columns
    this.visitors = new Visitors(SIMULATION.seed, SIMULATION.visitsPerFilm)
    ;[this.year, this.month] = SIMULATION.firstMonth
  }

  /** First instant of the month that is played next. */
  get now(): Date {
    return monthStart(this.year, this.month)
  }

  get ended(): boolean {
    return this.now > monthStart(...SIMULATION.lastMonth)
  }

  /** Plays one month and waits until the platform has drawn its conclusions. @returns films released in it. */
  async playMonth(): Promise<number> {
    const from = this.now
    const to = monthStart(this.year, this.month + 1)
    this.year = to.getUTCFullYear()
    this.month = to.getUTCMonth()
    const released = this.films.filter((film) => film.released >= from && film.released < to)
    await this.receiveVisits(released, to)
    await this.publishRatings(to)
    await this.feedDataset()
    this.unrated.push(...released)
    this.unfed = released
    await settled(this.context.platform)
    return released.length
  }

  private async receiveVisits(released: readonly Film[], until: Date): Promise<void> {
    const visits = released
      .flatMap((film) => this.visitors.visitsOf(film, until))
      .sort((a, b) => a.at.getTime() - b.at.getTime())
    this.visits += visits.length
    await this.context.traffic.sendAll(
      visits.map(({ film, caller, at }) => ({
        endpoint: ENDPOINT,
        row: scoringRow({ ...film, row: this.asSent(film) }, this.columns),
        caller,
        entity: film.entity,
        at,
      })),
    )
  }

  private async publishRatings(until: Date): Promise<void> {
    const delay = SIMULATION.labelDelayDays * DAY
    const due = this.unrated.filter((film) => film.released.getTime() + delay < until.getTime())
    this.unrated = this.unrated.filter((film) => !due.includes(film))
    const labels = due.flatMap(({ entity, rating, released }) =>
      rating === null ? [] : [{ entity, value: rating, knownAt: new Date(released.getTime() + delay).toISOString() }],
    )
    this.labels += labels.length
    if (labels.length > 0)
      await this.context.platform.client.monitoring.putLabels({ params: { endpoint: ENDPOINT }, body: { labels } })
  }

  /** Last month's films, as upstream sends them; once its fault is mended, the films it had sent wrongly come again. */
  private async feedDataset(): Promise<void> {
    const films = this.unfed
    const sent = films.map((film) => this.asSent(film))
    if (sent.length > 0) await append(this.context, sent, `films of ${films[0]?.released.toISOString().slice(0, 7)}`)
    const wrong = films.filter((film) => this.isFaulty(film.released)).map(({ row }) => row)
    this.faulty.push(...wrong)
    if (wrong.length === 0 && this.faulty.length > 0) {
      await append(this.context, this.faulty, 'upstream sends the films of its faulty months again')
      this.faulty = []
    }
  }

  /** True in the months in which upstream sends budgets in thousands. */
  isFaulty(at: Date): boolean {
    const { from, months } = SIMULATION.fault
    return at >= monthStart(from[0], from[1]) && at < monthStart(from[0], from[1] + months)
  }

  private asSent({ row, released }: Film): RawFilm {
    const { column, factor } = SIMULATION.fault
    const value = row[column]
    return this.isFaulty(released) && typeof value === 'number' ? { ...row, [column]: value * factor } : row
  }
}
