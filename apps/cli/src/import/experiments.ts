import { experimentChecksum } from '@tidemark/mlflow-protocol/checksum'
import type { SourceExperiment } from './source.ts'
import type { Tally } from './tally.ts'
import type { Target } from './target.ts'

/** Experiments in one request. */
const PAGE = 500

/** Brings experiments over, deleted ones too. @returns those that are here now */
export async function importExperiments(
  experiments: readonly SourceExperiment[],
  target: Target,
  tally: Tally,
): Promise<SourceExperiment[]> {
  const here: SourceExperiment[] = []
  for (let from = 0; from < experiments.length; from += PAGE) {
    const page = experiments.slice(from, from + PAGE)
    const digests = new Map(page.map((experiment) => [experiment.id, experimentChecksum(experiment)]))
    const given = page.map((experiment) => {
      const digest = digests.get(experiment.id) ?? ''
      return { ...experiment, tags: [...experiment.tags], stamp: digest.slice('sha256:'.length), digest }
    })
    const { items } = await target.client.importExperiments({
      params: { import: target.id },
      body: { experiments: given },
    })
    const written = new Map<string, string>()
    for (const [index, { id, as, outcome, reason }] of items.entries()) {
      const experiment = page[index]
      if (!experiment) continue
      if (outcome === 'skipped') {
        tally.skip('experiment', experiment.name, reason ?? '')
        continue
      }
      here.push(experiment)
      tally.count('experiment', outcome)
      if (reason) tally.tell('experiment', experiment.name, reason)
      if (as !== id) tally.tell('experiment', experiment.name, `It was ${id} and is ${as} here.`)
      if (!reason && outcome !== 'unchanged') written.set(id, digests.get(id) ?? '')
    }
    for (const id of await target.differing('experiment', written)) {
      tally.mismatch('experiment', id, 'it reads differently here')
    }
  }
  return here
}
