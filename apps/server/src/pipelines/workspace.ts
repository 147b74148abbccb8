import { constants } from 'node:fs'
import { copyFile, mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, extname, join, sep } from 'node:path'
import type { StepDefinition } from '@tidemark/contracts'
import type { Blob, Blobs } from '../platform/index.ts'
import type { DatasetsPort, Output, StoredRun, StoredStep, StoredVersion } from './types.ts'

/** The folders of one attempt: its code, and where it works. */
export interface StepFolders {
  readonly codeDir: string
  readonly workDir: string
  /** Paths by the input's name. */
  readonly inputs: Readonly<Record<string, string>>
}

/** Lays out code and inputs of one attempt below `root`; what an earlier attempt left is removed. */
export async function layOut(
  root: string,
  blobs: Blobs,
  datasets: DatasetsPort,
  work: { run: StoredRun; version: StoredVersion; definition: StepDefinition; steps: readonly StoredStep[] },
): Promise<StepFolders> {
  const { run, version, definition, steps } = work
  const codeDir = join(root, run.run, `${definition.name}.code`)
  const workDir = join(root, run.run, definition.name)
  for (const folder of [codeDir, workDir]) await rm(folder, { recursive: true, force: true })
  // Others may pass, so that the workers' user reaches its own folder.
  await mkdir(join(root, run.run), { recursive: true, mode: 0o711 })
  await mkdir(join(workDir, 'inputs'), { recursive: true })
  for (const file of version.files) {
    const path = join(codeDir, file.path)
    await mkdir(dirname(path), { recursive: true })
    await copyFile(blobs.path(file.digest), path)
  }
  const inputs: Record<string, string> = {}
  for (const [name, input] of Object.entries(definition.inputs)) {
    if ('dataset' in input) {
      const pin = run.datasets.find(
        (each) => each.dataset === input.dataset && (input.version === 'latest' || each.version === input.version),
      )
      if (!pin) throw new Error(`The run has no version of dataset ${input.dataset}.`)
      const made = await datasets.materialize(run.workspace, pin.dataset, pin.version, join(workDir, 'inputs', '.new'))
      inputs[name] = join(workDir, 'inputs', `${name}.parquet`)
      await rename(made.file, inputs[name])
    } else {
      const output = steps.find((each) => each.step === input.step)?.outputs.find((each) => each.name === input.output)
      if (!output) throw new Error(`Step ${input.step} left no output ${input.output}.`)
      inputs[name] = join(workDir, 'inputs', `${name}${extname(output.file)}`)
      await copyFile(blobs.path(output.digest), inputs[name])
    }
  }
  return { codeDir, workDir, inputs }
}

/** A step that said something untrue about its outputs. Its own fault. */
export class OutputRefused extends Error {}

/**
 * Stores the declared outputs of a step that has ended.
 * @param said name → path below `workDir`, as the step's process says
 * @throws OutputRefused for an output that is missing, not a plain file, or not below the step's folder
 */
export async function collectOutputs(
  blobs: Blobs,
  workDir: string,
  declared: readonly string[],
  said: Readonly<Record<string, string>>,
): Promise<{ outputs: Output[]; written: Blob[] }> {
  const outputs: Output[] = []
  const written: Blob[] = []
  for (const name of declared) {
    const path = said[name]
    if (path === undefined) {
      const had = Object.keys(said).join(', ') || 'none'
      throw new OutputRefused(`The step declares the output "${name}" and did not write it. It wrote: ${had}.`)
    }
    const blob = await storeFile(blobs, workDir, name, path)
    written.push(blob)
    outputs.push({ name, file: basename(path), ...blob })
  }
  return { outputs, written }
}

/** The server may read what the step may not: a link to elsewhere, planted by the step, must not be followed. */
async function storeFile(blobs: Blobs, workDir: string, name: string, path: string): Promise<Blob> {
  const refuse = (why: string) => new OutputRefused(`Output "${name}" (${path}) ${why}.`)
  const inside = `${await realpath(workDir)}${sep}`
  const real = await realpath(join(workDir, path)).catch(() => {
    throw refuse('does not exist')
  })
  if (!real.startsWith(inside)) throw refuse("is not below the step's folder")
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const found = await file.stat()
    if (!found.isFile()) throw refuse('is not a plain file; write a folder as several outputs or as an archive')
    if (found.nlink > 1) throw refuse('has a second name elsewhere')
    return await blobs.write(file.createReadStream({ autoClose: false }))
  } finally {
    await file.close()
  }
}

/** Removes what a run left behind in its folders; its outputs are in the blob store. */
export async function clearRun(root: string, run: string): Promise<void> {
  await rm(join(root, run), { recursive: true, force: true })
}
