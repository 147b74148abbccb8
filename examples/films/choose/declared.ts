import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { EndpointFile } from '../../../apps/cli/src/demo/station-gates.ts'

/** The endpoint as the example declares it: margins, steps and alpha go into the rules, the limits must be what they give. */
export function declaredEndpoint() {
  const file = fileURLToPath(new URL('../endpoint.yaml', import.meta.url))
  return EndpointFile.parse(parse(readFileSync(file, 'utf8')))
}

/** What the rules gave when they were last run. */
export const CHOICES = fileURLToPath(new URL('choices.json', import.meta.url))
