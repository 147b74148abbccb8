import type { ImportCount } from '@tidemark/contracts'
import type { ArtifactReader, Owner } from './artifacts.ts'
import { importExperiments } from './experiments.ts'
import { importFiles } from './files.ts'
import { Lanes } from './lanes.ts'
import { importLoggedModels } from './logged-models.ts'
import { importModels } from './models.ts'
import { importRuns } from './runs.ts'
import type { LeftOut, Source } from './source.ts'
import { type Named, Tally } from './tally.ts'
import type { Target } from './target.ts'

/** Requests with runs under way at once: while one is written, the next is read and made. */
const REQUESTS_AT_ONCE = 2

/** What an import did. */
export interface Report {
  readonly counts: readonly ImportCount[]
  readonly skipped: readonly Named[]
  readonly mismatched: readonly Named[]
  readonly told: readonly Named[]
  readonly leftOut: readonly LeftOut[]
  readonly seconds: number
}

/**
 * Brings all of an MLflow over: experiments, then what lies in each (runs, logged models, their files), then the registry, whose versions are
 * made of those files. Every step skips what is here already, so one that was interrupted is begun again in the same way.
 * @param progress told now and then what has been counted so far
 */
export async function importAll(
  source: Source,
  reader: ArtifactReader | null,
  target: Target,
  progress: (counts: readonly ImportCount[]) => void,
): Promise<Report> {
  const started = performance.now()
  const tally = new Tally()
  const lanes = new Lanes(REQUESTS_AT_ONCE)
  const incomplete = new Set<string>()
  const files = async (owners: readonly Owner[]) => {
    for (const id of await importFiles(owners, reader, target, tally)) incomplete.add(id)
    progress(tally.counts())
  }
  const owner = (kind: Owner['kind']) => (thing: { id: string; artifactUri: string }) => ({
    kind,
    id: thing.id,
    uri: thing.artifactUri,
  })

  for (const experiment of await importExperiments(await source.experiments(), target, tally)) {
    for await (const page of source.runs(experiment.id)) {
      const here = await importRuns(page, source, target, tally, lanes)
      await files(here.map(owner('run')))
    }
    for await (const page of source.loggedModels(experiment.id)) {
      const here = await importLoggedModels(page, target, tally)
      await files(here.map(owner('loggedModel')))
    }
  }
  await importModels(source, target, tally, (id) => incomplete.has(id))
  const leftOut = await source.leftOut()
  const counts = tally.counts()
  await target.client.finishImport({ params: { import: target.id }, body: { counts: [...counts] } })
  const { skipped, mismatched, told } = tally
  return { counts, skipped, mismatched, told, leftOut, seconds: (performance.now() - started) / 1000 }
}
