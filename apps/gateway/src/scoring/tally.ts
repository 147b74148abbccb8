/** Upper bounds of the histogram of seconds, for Prometheus. */
export const BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

/** What one version did for one endpoint since this process began. Plain fields: a request adds to them and allocates nothing. */
export class Tally {
  readonly workspace: string
  readonly endpoint: string
  readonly version: string
  predicted = 0
  failed = 0
  rows = 0
  /** Sums of milliseconds. */
  parseMs = 0
  queueMs = 0
  inferMs = 0
  failedMs = 0
  totalMs = 0
  lastAt = 0
  /** Answers by their seconds, not cumulated; the last place has what is beyond every bound. */
  readonly buckets = new Array<number>(BUCKETS_SECONDS.length + 1).fill(0)

  constructor(workspace: string, endpoint: string, version: string) {
    this.workspace = workspace
    this.endpoint = endpoint
    this.version = version
  }

  /** Notes one answer that took so long from its arrival until its record was in the log. */
  took(milliseconds: number): void {
    this.totalMs += milliseconds
    const seconds = milliseconds / 1000
    let place = 0
    while (place < BUCKETS_SECONDS.length && seconds > (BUCKETS_SECONDS[place] ?? 0)) place += 1
    this.buckets[place] = (this.buckets[place] ?? 0) + 1
  }
}

/** The tallies of all endpoints, by workspace, endpoint and version. */
export class Tallies {
  private readonly known = new Map<string, Tally>()

  of(workspace: string, endpoint: string, version: string): Tally {
    const key = `${workspace}\n${endpoint}\n${version}`
    const known = this.known.get(key)
    if (known) return known
    const tally = new Tally(workspace, endpoint, version)
    this.known.set(key, tally)
    return tally
  }

  all(): IterableIterator<Tally> {
    return this.known.values()
  }
}
