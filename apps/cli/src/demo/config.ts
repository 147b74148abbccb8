/**
 * What the demo makes up, in one place. Nothing here was chosen for an outcome: the seed is the day the file was begun, the bad versions come
 * first because a new site's operators make mistakes early, and the fault lies somewhere in the middle. Change any of it: the demo still ends
 * with 0 when every station ran, its invariants held and the planted faults were caught.
 */
export const SIMULATION = {
  seed: 20_261_121,
  /** Visits per film on average. */
  visitsPerFilm: 12,
  /** Days after the release on which a film's rating becomes known; the file holds one rating per film. */
  labelDelayDays: 30,
  /** The site opens. */
  firstMonth: [2000, 0],
  /** Month in which the declared snapshot ends, inclusive. */
  lastMonth: [2010, 11],
  /** The upstream system sends budgets in thousands in these months. */
  fault: { column: 'Production Budget', factor: 1 / 1000, from: [2003, 4], months: 6 },
} as const

export const ENDPOINT = 'films'
export const MODEL = 'films'
export const PIPELINE = 'films'
export const DATASET = 'films'
