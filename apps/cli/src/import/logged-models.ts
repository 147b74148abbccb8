import { loggedModelChecksum } from '@tidemark/mlflow-protocol/checksum'
import { isObjectStore } from './artifacts.ts'
import type { SourceLoggedModel } from './source.ts'
import type { Tally } from './tally.ts'
import type { Target } from './target.ts'

/** Brings a page of logged models over and reads each back. @returns those that are here now */
export async function importLoggedModels(
  page: readonly SourceLoggedModel[],
  target: Target,
  tally: Tally,
): Promise<SourceLoggedModel[]> {
  const good = page.filter((model) => {
    const usual = /^m-[0-9a-f]{32}$/.test(model.id)
    if (!usual) tally.skip('loggedModel', model.id, 'its id is not "m-" and 32 hex digits')
    return usual
  })
  const known = await target.known(
    'loggedModel',
    good.map((model) => model.id),
  )
  const digests = new Map(good.map((model) => [model.id, loggedModelChecksum(model)]))
  const wanted = good.filter((model) => {
    const same = known.get(model.id)?.digest === digests.get(model.id)
    if (same) tally.count('loggedModel', 'unchanged')
    return !same
  })
  if (wanted.length === 0) return good
  const { items } = await target.client.importLoggedModels({
    params: { import: target.id },
    body: { models: wanted.map((model) => wire(model, digests.get(model.id) ?? '')) },
  })
  const written = new Map<string, string>()
  for (const { id, outcome, reason } of items) {
    if (outcome === 'skipped') tally.skip('loggedModel', id, reason ?? '')
    else {
      tally.count('loggedModel', outcome)
      written.set(id, digests.get(id) ?? '')
    }
  }
  const outcomes = new Map(items.map(({ id, outcome }) => [id, outcome]))
  for (const id of await target.differing('loggedModel', written)) {
    if (outcomes.get(id) === 'imported') tally.mismatch('loggedModel', id, 'it reads differently here')
    else tally.tell('loggedModel', id, 'It was changed here too, and keeps that.')
  }
  return good.filter((model) => outcomes.get(model.id) !== 'skipped')
}

function wire(model: SourceLoggedModel, digest: string) {
  const { artifactUri, ...rest } = model
  return {
    ...rest,
    tags: [...model.tags],
    parameters: [...model.parameters],
    metrics: model.metrics.map((metric) => ({ ...metric, value: Number.isNaN(metric.value) ? null : metric.value })),
    artifacts: isObjectStore(artifactUri)
      ? { kind: 'elsewhere' as const, uri: artifactUri }
      : { kind: 'here' as const },
    stamp: digest.slice('sha256:'.length),
    digest,
  }
}
