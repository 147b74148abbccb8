import type { ImportedModel, ImportedVersion, ImportOwner } from '@tidemark/contracts'
import { registeredModelChecksum } from '@tidemark/mlflow-protocol/checksum'
import { isObjectStore } from './artifacts.ts'
import type { Source, SourceModel, SourceVersion } from './source.ts'
import type { Tally } from './tally.ts'
import type { Target } from './target.ts'

const IS_PROMPT = 'mlflow.prompt.is_prompt'

/** Brings registered models and prompts over, with versions and aliases, after the files of runs and logged models. */
export async function importModels(
  source: Source,
  target: Target,
  tally: Tally,
  isIncomplete: (owner: string) => boolean,
): Promise<void> {
  for await (const model of source.models()) await importModel(model, target, tally, isIncomplete)
}

async function importModel(
  model: SourceModel,
  target: Target,
  tally: Tally,
  isIncomplete: (owner: string) => boolean,
): Promise<void> {
  const kind = isPrompt(model.tags) ? 'prompt' : 'registeredModel'
  const ready = model.versions.filter((version) => {
    const good = version.status === 'READY'
    if (!good) tally.skip('version', `${model.name}/${version.version}`, `its status is ${version.status}`)
    return good
  })
  const roots = await rootsOf(ready, target)
  const versions = ready.map((version) => wire(model, version, roots, isIncomplete, tally))
  const digest = registeredModelChecksum({ ...model, versions })
  const body: ImportedModel = {
    ...model,
    tags: [...model.tags],
    aliases: [...model.aliases],
    versions,
    stamp: digest.slice('sha256:'.length),
    digest,
  }
  const { items } = await target.client.importModels({ params: { import: target.id }, body: { models: [body] } })
  const told = items[0]
  if (!told) return
  for (const part of ['versions', 'aliases'] as const) {
    const named = part === 'versions' ? 'version' : 'alias'
    for (const { id, outcome, reason } of told[part]) {
      if (outcome === 'skipped') tally.skip(named, id, reason ?? '')
      else tally.count(named, outcome)
    }
  }
  if (told.outcome === 'skipped') {
    tally.skip(kind, model.name, told.reason ?? '')
    return
  }
  tally.count(kind, told.outcome)
  if (told.reason) tally.tell(kind, model.name, told.reason)
  const whole = [...told.versions, ...told.aliases].every(({ outcome }) => outcome !== 'skipped')
  const differs = await target.differing('registeredModel', new Map([[model.name, digest]]))
  if (differs.length === 0 || told.reason !== null) return
  if (told.outcome === 'imported' && whole) tally.mismatch(kind, model.name, 'it reads differently here')
  else if (told.outcome !== 'unchanged') tally.tell(kind, model.name, 'It was changed here too, and keeps that.')
}

/** Where the artifacts of the runs and logged models behind these versions lie here. */
async function rootsOf(versions: readonly SourceVersion[], target: Target): Promise<ReadonlyMap<string, string>> {
  const owners = new Map<string, ImportOwner>()
  for (const version of versions) {
    const place = placeOf(version.storageUri)
    if (place) owners.set(place.id, { kind: place.kind, id: place.id })
  }
  const roots = new Map<string, string>()
  if (owners.size === 0) return roots
  const asked = [...owners.values()]
  for (let from = 0; from < asked.length; from += 1000) {
    const body = { owners: asked.slice(from, from + 1000) }
    const { folders } = await target.client.importFiles({ params: { import: target.id }, body })
    for (const { id, path } of folders) if (path !== null) roots.set(id, path)
  }
  return roots
}

/** The run or logged model below whose artifacts an address lies: MLflow builds all its addresses in one way. */
function placeOf(uri: string): { kind: 'run' | 'loggedModel'; id: string; path: string } | null {
  const match = /(?:^|\/)(?:models\/(m-[0-9a-f]{32})|([0-9a-f]{32}))\/artifacts(?:\/(.*))?$/.exec(uri)
  if (!match) return null
  const path = (match[3] ?? '').replace(/\/+$/, '')
  return match[1] ? { kind: 'loggedModel', id: match[1], path } : { kind: 'run', id: match[2] ?? '', path }
}

function wire(
  model: SourceModel,
  version: SourceVersion,
  roots: ReadonlyMap<string, string>,
  isIncomplete: (owner: string) => boolean,
  tally: Tally,
): ImportedVersion {
  const { storageUri, status: _status, ...rest } = version
  const base = { ...rest, tags: [...version.tags], loggedModel: '' }
  if (isPrompt(version.tags) || isPrompt(model.tags)) return { ...base, files: { kind: 'none' } }
  if (isObjectStore(storageUri)) return { ...base, files: { kind: 'elsewhere', uri: storageUri } }
  const place = placeOf(storageUri)
  const root = place ? roots.get(place.id) : undefined
  if (!place || root === undefined) {
    tally.tell(
      'version',
      `${model.name}/${version.version}`,
      `Its files (${storageUri}) belong to nothing that came over.`,
    )
    return { ...base, files: { kind: 'none' } }
  }
  // These name a run, a logged model or a version, which kept their names; any other address is the old server's.
  const kept = /^(runs|models):/.test(version.source)
  const complete = !isIncomplete(place.id)
  if (!complete)
    tally.tell(
      'version',
      `${model.name}/${version.version}`,
      'Its files did not all come over: import again with them to complete it.',
    )
  return {
    ...base,
    source: kept ? version.source : `mlflow-artifacts:/${root}${place.path === '' ? '' : `/${place.path}`}`,
    files: { ...place, complete },
    loggedModel: place.kind === 'loggedModel' ? place.id : '',
  }
}

function isPrompt(tags: SourceModel['tags']): boolean {
  return tags.some(({ key, value }) => key === IS_PROMPT && value.toLowerCase() === 'true')
}
