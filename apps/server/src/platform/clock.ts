/** Wall time. Windows, label delays and rollout ages use event time instead, which comes with the data. */
export interface Clock {
  now(): Date
}

export const systemClock: Clock = { now: () => new Date() }
