import type { LoadedVersion } from '../runtimes/models.ts'
import { NoSuchVersion } from '../scoring/errors.ts'
import type { ServedEndpoint } from '../snapshot/serving.ts'

/** The version that a path names by its number; null when it names none. @throws NoSuchVersion */
export function pinned({ champion, tried }: ServedEndpoint, number: string | undefined): LoadedVersion | null {
  if (number === undefined) return null
  const found = [champion, ...tried].find((each) => each.version.endsWith(`/${number}`))
  if (!found) throw NoSuchVersion()
  return found
}
