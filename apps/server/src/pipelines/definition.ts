import { createHash } from 'node:crypto'
import type { CodeFile, Parameter, PipelineDefinition } from '@tidemark/contracts'
import { canonicalJson } from '../platform/events.ts'
import { entryFile } from './cache.ts'
import { CodeIncomplete, ParameterWrongType, UnknownParameters } from './errors.ts'
import type { DatasetPin, StoredVersion } from './types.ts'

/** Content address of a value, by its canonical JSON. */
export function digestOf(content: unknown): string {
  return `sha256:${createHash('sha256').update(canonicalJson(content)).digest('hex')}`
}

/** @throws CodeIncomplete when a step's code was not sent, or a path twice */
export function requireCode(definition: PipelineDefinition, files: readonly CodeFile[]): void {
  const paths = new Set(files.map((file) => file.path))
  if (paths.size < files.length) throw CodeIncomplete('Two files have the same path.')
  for (const step of definition.steps)
    for (const path of [entryFile(step.entry), ...(step.files ?? [])])
      if (!paths.has(path)) throw CodeIncomplete(`Step "${step.name}" needs the file ${path}, which was not sent.`)
}

/** The run's parameters: those given, the others as declared. */
export function parametersWith(
  definition: PipelineDefinition,
  given: Readonly<Record<string, Parameter>>,
): Record<string, Parameter> {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(definition.parameters, name))
  if (unknown.length > 0)
    throw UnknownParameters(
      definition.name,
      unknown.join(', '),
      Object.keys(definition.parameters).join(', ') || 'none',
    )
  for (const [name, value] of Object.entries(given)) {
    const declared = definition.parameters[name]
    if (declared !== null && declared !== undefined && typeof declared !== typeof value)
      throw ParameterWrongType(name, value === null ? 'null' : typeof value, typeof declared)
  }
  return { ...definition.parameters, ...given }
}

/** What a tracked run says of where it comes from. */
export function tagsOf(
  run: string,
  version: StoredVersion,
  datasets: readonly DatasetPin[],
  seed: number,
): Record<string, string> {
  return {
    'tidemark.pipeline': `${version.pipeline}/${version.version}`,
    'tidemark.pipeline_run': run,
    'tidemark.dataset_version': datasets.map((pin) => `${pin.dataset}/${pin.version}`).join(','),
    'tidemark.git_commit': version.gitCommit ?? '',
    'tidemark.git_patch': version.gitPatch ?? '',
    'tidemark.lock': version.lockDigest,
    'tidemark.seed': String(seed),
  }
}
