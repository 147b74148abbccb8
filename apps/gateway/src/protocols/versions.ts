import type { LoadedVersion } from '../runtimes/models.ts'
import { NoSuchVersion } from '../scoring/errors.ts'
import type { ServedEndpoint } from '../snapshot/serving.ts'

/** The number of a version, as in 3 of `films/3`. */
export function numberOf(version: string): string {
  return version.slice(version.lastIndexOf('/') + 1)
}

/** Versions that an endpoint answers with now, by number, the champion first. */
export function versionsOf({ champion, tried }: ServedEndpoint): string[] {
  return [champion, ...tried].map((each) => numberOf(each.version))
}

/** The version that a path names by its number; null when it names none. @throws NoSuchVersion */
export function pinned({ champion, tried }: ServedEndpoint, number: string | undefined): LoadedVersion | null {
  if (number === undefined) return null
  const found = [champion, ...tried].find((each) => numberOf(each.version) === number)
  if (!found) throw NoSuchVersion()
  return found
}
