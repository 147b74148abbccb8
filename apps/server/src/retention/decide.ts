const DAY_MS = 86_400_000

/** The instant until which something was to be deleted to be deleted for good now. */
export function cutoff(olderThanDays: number, now: Date): Date {
  return new Date(now.getTime() - olderThanDays * DAY_MS)
}

/** Whether a policy's daily deletion is due; the first comes at once. */
export function isDue(lastRunAt: Date | null, now: Date): boolean {
  return lastRunAt === null || now.getTime() - lastRunAt.getTime() >= DAY_MS
}
