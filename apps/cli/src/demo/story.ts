/** What the demo prints: numbered stations, facts under them, and what is simulated, always marked as such. */
export interface Story {
  station(title: string): void
  fact(text: string): void
  /** Something that the demo makes up: never mixed with what is real. */
  simulated(text: string): void
  /** A decision of the platform, in its own words. */
  decision(text: string): void
  /** Number of stations begun. */
  readonly stations: number
}

/** What the demo prints: numbered stations, and below each its facts, simulations and decisions. */
export function createStory(write: (line: string) => void = console.log): Story {
  let stations = 0
  return {
    station(title) {
      stations += 1
      write('')
      write(`${String(stations).padStart(2)}. ${title}`)
    },
    fact: (text) => write(`    ${text}`),
    simulated: (text) => write(`    (simulated) ${text}`),
    decision: (text) => write(`    → ${text}`),
    get stations() {
      return stations
    },
  }
}
