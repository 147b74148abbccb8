import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  parseModelVersionRef,
  type Runtime,
  type RuntimeMismatch,
  type RuntimeVerdict,
  runtimeDecided,
  runtimeSwitched,
} from '@tidemark/contracts'
import { chooseLock, type Gap, servingLocks } from '@tidemark/workers'
import { type Actor, inTransaction, type Platform, type Queryable, systemActor } from '../../platform/index.ts'
import { NoEnvironment } from '../errors.ts'
import type { EvaluationPorts } from '../types.ts'
import { convertVersion } from './convert.ts'
import { layOutVersion } from './files.ts'
import type { PythonRuntime, StoredRuntime, VersionKey } from './store.ts'
import * as store from './store.ts'

/** Where versions run: decided once for each, by its conversion and the check of it. */
export class VersionRuntimes {
  private readonly platform: Platform
  private readonly ports: EvaluationPorts

  constructor(platform: Platform, ports: EvaluationPorts) {
    this.platform = platform
    this.ports = ports
  }

  /** What was decided of a version; null before. */
  of(db: Queryable, key: VersionKey): Promise<StoredRuntime | null> {
    return store.runtimeOf(db, key)
  }

  /**
   * The verdict of a version: as it was decided, or else decided now, in a folder that is the caller's to remove.
   * @param sample Parquet rows of its training, by digest; null: only its own input example is there to compare on.
   */
  async decide(actor: Actor, key: VersionKey, sample: string | null, folder: string): Promise<RuntimeVerdict> {
    const { db, blobs, events } = this.platform
    const known = await store.runtimeOf(db, key)
    if (known) return inForce(known)
    const { workspace, model, version } = key
    const found = await this.ports.registry.version(db, workspace, model, version)
    if (!found) throw new Error(`${model}/${version} is gone.`)
    const modelDir = await layOutVersion(this.platform, this.ports.registry, key, join(folder, `version-${version}`))
    const lock = await this.lockOf(key, modelDir)
    const { verdict, onnx } = await convertVersion(await this.platform.python.pool(lock), {
      modelDir,
      digest: found.digest,
      sampleFile: sample && (await this.copy(sample, join(folder, 'sample.parquet'))),
      inputs: await this.inputsOf(key),
      outDir: join(folder, 'onnx'),
    })
    const onnxBlob = onnx ? await blobs.write(await readFile(onnx.file)) : null
    const lockBlob = await blobs.write(await readFile(lock))
    const python = await this.inPython(key, lockBlob.digest)
    const runtime: Runtime = onnx && onnxBlob ? { kind: 'onnx', model: onnxBlob.digest, ...onnx.runtime } : python
    await inTransaction(db, async (tx) => {
      if (onnxBlob) await blobs.grant(tx, workspace, onnxBlob)
      await blobs.grant(tx, workspace, lockBlob)
      if (!(await store.saveRuntime(tx, key, { runtime, python, verdict }))) return
      const { modelDigest, onnxDigest, parityRows, mismatches } = verdict
      await events.append(tx, actor, runtimeDecided, {
        model,
        version,
        runtime: runtime.kind,
        summary: verdict.sentence,
        modelDigest,
        onnxDigest,
        parityRows,
        mismatches,
      })
    })
    return verdict
  }

  /** What the gateways run: a converted version with its form in Python beside it, so that they can ask it again. */
  async toServe(db: Queryable, key: VersionKey): Promise<Runtime | null> {
    const found = await store.runtimeOf(db, key)
    if (!found) return null
    const { runtime, python } = found
    return runtime.kind === 'onnx' && python ? { ...runtime, python } : runtime
  }

  /** What a missing text is to a version, wherever it runs. */
  async gapOf(db: Queryable, key: VersionKey): Promise<Gap> {
    const found = await store.runtimeOf(db, key)
    return found && found.python?.gap === undefined ? 'empty' : 'request'
  }

  /**
   * Sends a version to Python for good, because an answer that it gave as ONNX is another in Python. The first mismatch decides; told again, or of a
   * version that runs in Python, nothing happens.
   */
  async switchToPython(mismatch: RuntimeMismatch): Promise<void> {
    const { workspace, endpoint, prediction, row, difference, tolerance } = mismatch
    const key = { workspace, ...parseModelVersionRef(mismatch.version) }
    const { db, clock, events, live } = this.platform
    await inTransaction(db, async (tx) => {
      const found = await store.runtimeOf(tx, key)
      if (!found?.python) return
      const by =
        difference === null
          ? 'another answer'
          : `a difference of ${difference.toExponential(1)}, allowed ${tolerance.toExponential(1)}`
      const sentence = `asked again, Python gave ${by}, for row ${row} of prediction ${prediction} on ${endpoint}`
      const why = { at: clock.now().toISOString(), endpoint, prediction, row, difference, tolerance, sentence }
      if (!(await store.switchToPython(tx, key, found.python, why))) return
      const { model, version } = key
      await events.append(tx, systemActor('evaluation', workspace), runtimeSwitched, {
        model,
        version,
        endpoint,
        prediction,
        summary: sentence,
      })
    })
    live.changed('model-version', mismatch.version)
  }

  /** Names of the columns or tensors of its signature; none without one. */
  private async inputsOf({ workspace, model, version }: VersionKey): Promise<string[]> {
    const found = await this.ports.registry.inputOf(this.platform.db, workspace, model, version)
    if (found?.kind !== 'model') return []
    return (found.input.kind === 'tensors' ? found.input.tensors : found.columns).map(({ name }) => name)
  }

  /** The environment that a version runs in, by what it was logged with. @throws NoEnvironment */
  private async lockOf({ model, version }: VersionKey, modelDir: string): Promise<string> {
    const requirements = await readFile(join(modelDir, 'requirements.txt'), 'utf8').catch(() => '')
    const choice = chooseLock(requirements, servingLocks())
    if (choice.kind === 'unmet') throw NoEnvironment(model, version, choice.reason)
    return choice.file
  }

  private async inPython({ workspace, model, version }: VersionKey, lockDigest: string): Promise<PythonRuntime> {
    const files = await this.ports.registry.versionFiles(this.platform.db, workspace, model, version)
    return { kind: 'python', gap: 'request', lockDigest, files: files.map(({ path, digest }) => ({ path, digest })) }
  }

  /** A stored file under a name that says what it is. */
  private async copy(digest: string, file: string): Promise<string> {
    await copyFile(this.platform.blobs.path(digest), file)
    return file
  }
}

/** The verdict as it holds now: a mismatch while serving overrules the gate. */
function inForce({ verdict, switched }: StoredRuntime): RuntimeVerdict {
  return switched ? { ...verdict, kind: 'python', sentence: switched.sentence } : verdict
}
