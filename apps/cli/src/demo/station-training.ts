import { ModelVersionRef } from '@tidemark/contracts'
import { applyPipeline } from '../pipelines/apply.ts'
import { PIPELINE, SIMULATION } from './config.ts'
import type { DemoContext, Invariant } from './context.ts'
import { runToEnd } from './pipeline-run.ts'

/** Stations 2 and 3: the pipeline trains the first version; its run and version were logged by the unmodified mlflow client. */
export async function trainingStations(context: DemoContext): Promise<{ version: number; invariants: Invariant[] }> {
  const { platform, story, folder } = context
  const { client } = platform
  story.station('Pipeline: reusable steps in Python, cached by content')
  const applied = await applyPipeline(client, folder)
  const { definition, lockDigest, gitCommit, gitPatch } = applied.version
  story.fact(
    `Pipeline "${definition.name}" version ${applied.version.version}: ${definition.steps.map(({ name }) => name).join(' → ')}`,
  )
  story.fact(
    `Code at commit ${gitCommit?.slice(0, 12) ?? 'none'}${gitPatch ? ' with an uncommitted patch' : ''}, environment lock ${lockDigest.slice(0, 19)}…`,
  )

  const [year, month] = SIMULATION.firstMonth
  const parameters = { asOf: `${year}-${String(month + 1).padStart(2, '0')}` }
  const run = await runToEnd(context, PIPELINE, parameters)
  if (!run.modelVersion) throw new Error('The pipeline made no version.')
  const steps = run.steps.map((step) => `${step.step} ${seconds(step.startedAt, step.endedAt)}`)
  story.fact(`Run took ${seconds(run.startedAt, run.endedAt)}: ${steps.join(', ')}. Made ${run.modelVersion}.`)

  const again = await runToEnd(context, PIPELINE, parameters)
  const cached = again.steps.filter(({ state }) => state === 'cached').map(({ step }) => step)
  story.fact(
    `Run again with the same data, code and parameters: ${cached.join(', ')} came from the cache (${seconds(again.startedAt, again.endedAt)}).`,
  )

  story.station('Tracking and registry: logged by the unmodified mlflow client')
  const version = Number(ModelVersionRef.parse(run.modelVersion).split('/')[1])
  const registered = await client.registry.getVersion({
    params: { model: run.modelVersion.split('/')[0] ?? '', version },
  })
  const { origin } = registered
  story.fact(
    `${run.modelVersion}: ${registered.files.length} files frozen, flavors ${registered.flavors.join(', ')}, ${registered.signature?.length ?? 0} input columns in its signature.`,
  )
  story.fact(`Metrics: ${registered.metrics.map(({ key, value }) => `${key} ${value?.toFixed(3)}`).join(', ')}`)
  story.fact(
    `Data ${origin.dataset}, commit ${origin.gitCommit?.slice(0, 12)}, patch ${origin.gitPatch?.slice(0, 19) ?? 'none'}, lock ${origin.lock?.slice(0, 12)}…, seed ${origin.seed}.`,
  )
  return {
    version,
    invariants: [
      { text: 'the second run of the same pipeline took its training from the cache', holds: cached.includes('train') },
      {
        text: 'the version names its data, commit, environment lock and seed',
        holds: Boolean(origin.dataset && origin.gitCommit && origin.lock && origin.seed),
      },
    ],
  }
}

function seconds(from: string | null, to: string | null): string {
  return from && to ? `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s` : '–'
}
