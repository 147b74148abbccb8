import { createHash } from 'node:crypto'
import type { Parameter, StepDefinition } from '@tidemark/contracts'
import { canonicalJson } from '../platform/events.ts'
import type { CacheParts, DatasetPin, ResolvedInput, StoredRun, StoredStep, StoredVersion } from './types.ts'

/** Used by Python's and numpy's generators when the pipeline has no parameter "seed". */
const DEFAULT_SEED = 0

/** The parameters that a step reads, by its definition. */
export function parametersOf(run: Pick<StoredRun, 'parameters'>, step: StepDefinition): Record<string, Parameter> {
  return Object.fromEntries(step.parameters.map((name) => [name, run.parameters[name] ?? null]))
}

/** The run's seed: its parameter `seed` when that is a whole number. */
export function seedOf(run: Pick<StoredRun, 'parameters'>): number {
  const { seed } = run.parameters
  return typeof seed === 'number' && Number.isInteger(seed) ? seed : DEFAULT_SEED
}

/**
 * What a step reads, by content.
 * @returns null while a step before it has no result.
 */
export function resolveInputs(
  step: StepDefinition,
  pins: readonly DatasetPin[],
  steps: readonly StoredStep[],
): Record<string, ResolvedInput> | null {
  const resolved: Record<string, ResolvedInput> = {}
  for (const [name, input] of Object.entries(step.inputs)) {
    if ('dataset' in input) {
      const pin = pins.find(
        (each) => each.dataset === input.dataset && (input.version === 'latest' || each.version === input.version),
      )
      if (!pin) return null
      resolved[name] = { digest: pin.digest, from: `dataset ${pin.dataset}/${pin.version}` }
    } else {
      const output = steps.find((each) => each.step === input.step)?.outputs.find((each) => each.name === input.output)
      if (!output) return null
      resolved[name] = { digest: output.digest, from: `step ${input.step}, ${output.file}` }
    }
  }
  return resolved
}

/** Everything that decides a step's result. The code is that of its entry, of the packages on the way to it, and of the files it names. */
export function cachePartsOf(
  version: StoredVersion,
  run: Pick<StoredRun, 'parameters'>,
  step: StepDefinition,
  inputs: Readonly<Record<string, ResolvedInput>>,
): CacheParts {
  const own = new Set([entryFile(step.entry), ...(step.files ?? version.files.map((file) => file.path))])
  const code = version.files.filter((file) => own.has(file.path) || file.path.endsWith('__init__.py'))
  return {
    entry: step.entry,
    code: Object.fromEntries(code.map((file) => [file.path, file.digest])),
    lock: version.lockDigest,
    parameters: parametersOf(run, step),
    seed: seedOf(run),
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.digest])),
    outputs: step.outputs,
  }
}

/** The content address of all that a step's result depends on. */
export function cacheKeyOf(parts: CacheParts): string {
  return `sha256:${createHash('sha256').update(canonicalJson(parts)).digest('hex')}`
}

/** `steps.train:run` is in `steps/train.py`. */
export function entryFile(entry: string): string {
  return `${entry.slice(0, entry.indexOf(':')).replaceAll('.', '/')}.py`
}
