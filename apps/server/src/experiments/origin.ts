import type { Origin } from '@tidemark/contracts'

/** Where a run came from, by the tags that pipelines and the SDK set. */
export function originOf(tags: ReadonlyMap<string, string>): Origin {
  const tag = (name: string) => tags.get(`tidemark.${name}`) || null
  return {
    pipelineRun: tag('pipeline_run'),
    dataset: tag('dataset_version'),
    gitCommit: tag('git_commit') ?? tags.get('mlflow.source.git.commit') ?? null,
    gitPatch: tag('git_patch'),
    lock: tag('lock') ?? tag('lock_hash'),
    seed: tag('seed'),
  }
}
