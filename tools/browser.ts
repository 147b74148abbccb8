import { existsSync } from 'node:fs'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The Chromium that browser tests drive: TIDEMARK_BROWSER, else the system's; undefined when there is none. */
export function browserPath(): string | undefined {
  const named = process.env.TIDEMARK_BROWSER
  if (named) return existsSync(named) ? named : undefined
  return PLACES.find((place) => existsSync(place))
}
