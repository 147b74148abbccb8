import { readFileSync } from 'node:fs'
import { EndpointPolicy, Name } from '@tidemark/contracts'
import { parse } from 'yaml'
import { z } from 'zod'
import { cliError } from '../errors.ts'

/** An endpoint as its owner declares it in a file: what `PUT /api/v1/endpoints/NAME` takes, and its name. */
const EndpointFile = z.strictObject({
  name: Name,
  model: z.string().min(1),
  version: z.int().min(1).optional(),
  replay: z.boolean().default(false),
  policy: EndpointPolicy.prefault({}),
})
export type EndpointFile = z.infer<typeof EndpointFile>

/** Reads an endpoint's file, YAML or JSON. @throws CliError when it cannot be read or is not an endpoint. */
export function readEndpointFile(file: string): EndpointFile {
  let content: unknown
  try {
    content = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw cliError('FILE_UNREADABLE', file, error instanceof Error ? error.message : String(error))
  }
  const parsed = EndpointFile.safeParse(content)
  if (!parsed.success) throw cliError('WRONG_DEFINITION', file, z.prettifyError(parsed.error))
  return parsed.data
}
