import { fileURLToPath } from 'node:url'
import { readEndpointFile } from '../../../apps/cli/src/endpoints/file.ts'

/** The endpoint as the example declares it: margins, steps and alpha go into the rules, the limits must be what they give. */
export function declaredEndpoint() {
  return readEndpointFile(fileURLToPath(new URL('../endpoint.yaml', import.meta.url)))
}

/** What the rules gave when they were last run. */
export const CHOICES = fileURLToPath(new URL('choices.json', import.meta.url))
