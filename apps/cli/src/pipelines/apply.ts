import { isUtf8 } from 'node:buffer'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import {
  type api,
  type Client,
  type CodeFile,
  PipelineDefinition,
  type pipelines,
  type ReplyOf,
} from '@tidemark/contracts'
import { parse } from 'yaml'
import { z } from 'zod'
import { cliError } from '../errors.ts'
import { gitState } from './git.ts'

const SKIPPED = new Set(['__pycache__', '.venv', '.git', 'node_modules'])

/**
 * Registers a pipeline of a folder: its definition (`pipeline.yaml` unless said), the Python files below the folder, the lock that it names, the Git commit and what is not
 * committed.
 * @throws CliError when the folder has no such readable file
 */
export async function applyPipeline(
  client: Client<typeof api>,
  folder: string,
  file = 'pipeline.yaml',
): Promise<ReplyOf<typeof pipelines.applyPipeline>> {
  const definition = readDefinition(join(folder, file))
  const lock = definition.lock === null ? null : readText(join(folder, definition.lock))
  return client.pipelines.applyPipeline({
    params: { pipeline: definition.name },
    body: { definition, files: codeFiles(folder, definition), lock, ...gitState(folder) },
  })
}

function readDefinition(file: string): PipelineDefinition {
  const parsed = PipelineDefinition.safeParse(parse(readText(file)))
  if (!parsed.success) throw cliError('WRONG_DEFINITION', file, z.prettifyError(parsed.error))
  return parsed.data
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw cliError('FILE_UNREADABLE', file, error instanceof Error ? error.message : String(error))
  }
}

/** The Python files below a folder, and what else the steps name, by path with forward slashes. */
function codeFiles(folder: string, definition: PipelineDefinition): CodeFile[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.py'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep))
    .filter((parts) => !parts.some((part) => SKIPPED.has(part)))
    .map((parts) => parts.join('/'))
  const named = definition.steps.flatMap((step) => step.files ?? [])
  return [...new Set([...found, ...named])].sort().map((path) => {
    const content = readFileSync(join(folder, path))
    return isUtf8(content) ? { path, text: content.toString('utf8') } : { path, base64: content.toString('base64') }
  })
}
