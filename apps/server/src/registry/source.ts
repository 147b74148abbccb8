import { ARTIFACT_SCHEME, invalid, missing } from '@tidemark/mlflow-protocol'
import type { Experiments, KeyValue } from '../experiments/index.ts'
import type { Tx } from '../platform/index.ts'
import { isPrompt } from './asked.ts'
import { isWithin, notWithin, readSource } from './decide.ts'
import { modelNamed } from './lookup.ts'
import { aliasTarget } from './store.ts'
import { versionByNumber } from './versionStore.ts'

/** What the registry uses of experiments. */
export type RegistryPorts = Pick<Experiments, 'runInfo' | 'run' | 'loggedModel' | 'noteVersion' | 'freeze' | 'imported'>

export interface NewVersion {
  readonly model: string
  readonly source: string
  readonly run: string
  readonly loggedModel: string
  readonly runLink: string
  readonly description: string
  readonly tags: readonly KeyValue[]
}

/** Where the files of a source lie, and to which run and logged model they belong. */
export async function resolveSource(
  tx: Tx,
  workspace: string,
  given: NewVersion,
  ports: RegistryPorts,
): Promise<{ storageUri: string; run: string; loggedModel: string }> {
  const source = readSource(given.source, given.run, given.loggedModel, isPrompt(given.tags))
  switch (source.kind) {
    case 'refused':
      throw invalid(source.reason)
    case 'elsewhere':
      return { storageUri: given.source, run: given.run, loggedModel: given.loggedModel }
    case 'prompt':
      return { storageUri: given.source, run: given.run, loggedModel: '' }
    case 'run': {
      const run = await ports.run(tx, workspace, source.run)
      if (!run) throw invalid(notWithin(given.source, 'run_id'))
      const storageUri = source.path === '' ? run.artifactUri : `${run.artifactUri}/${source.path}`
      return { storageUri, run: run.id, loggedModel: '' }
    }
    case 'loggedModel': {
      const logged = await ports.loggedModel(tx, workspace, source.id)
      if (!logged) throw invalid(notWithin(given.source, 'model_id'))
      return { storageUri: logged.artifactUri, run: given.run || logged.sourceRun, loggedModel: logged.id }
    }
    case 'version': {
      const number =
        'version' in source.ref ? source.ref.version : await aliasTarget(tx, workspace, source.model, source.ref.alias)
      if (number === null) {
        await modelNamed(tx, workspace, source.model)
        throw invalid(`Registered model alias ${'alias' in source.ref ? source.ref.alias : ''} not found.`)
      }
      const from = await versionByNumber(tx, workspace, source.model, number)
      if (!from) await modelNamed(tx, workspace, source.model)
      if (!from) throw missing(`Model Version (name=${source.model}, version=${number}) not found`)
      if ((given.run && given.run !== from.run) || (given.loggedModel && given.loggedModel !== from.loggedModel)) {
        throw invalid(
          `Invalid model version source: '${given.source}'. The run_id and model_id request parameters must match the referenced model version.`,
        )
      }
      return { storageUri: from.storageUri, run: from.run, loggedModel: from.loggedModel }
    }
    case 'artifact': {
      const storageUri = `${ARTIFACT_SCHEME}${source.path}`
      if (source.within === 'run') {
        const run = await ports.runInfo(tx, workspace, given.run)
        if (!run || !isWithin(source.path, run.artifactUri)) throw invalid(notWithin(given.source, 'run_id'))
        return { storageUri, run: run.id, loggedModel: '' }
      }
      const logged = await ports.loggedModel(tx, workspace, given.loggedModel)
      if (!logged || !isWithin(source.path, logged.artifactUri)) throw invalid(notWithin(given.source, 'model_id'))
      return { storageUri, run: given.run || logged.sourceRun, loggedModel: logged.id }
    }
  }
}
