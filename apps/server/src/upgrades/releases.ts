/** A release whose databases must come up with this one, with everything in them. */
export interface Release {
  readonly name: string
  /** All its migrations. */
  readonly migrations: readonly string[]
  /** What is answered otherwise now: the beginning of the difference, and why that is right. */
  readonly changed: readonly { readonly at: string; readonly because: string }[]
}

const FIRST = [
  '0001-events',
  '0002-blobs',
  '0010-experiments',
  '0020-registry',
  '0030-data',
  '0040-pipelines',
  '0050-gateways',
  '0060-deployments',
  '0061-rollout-evidence',
  '0070-evaluation',
  '0080-governance',
  '0090-monitoring',
  '0100-automation',
]

/**
 * Each release adds a line, and its `<name>-rows.tsv` and `<name>-answers.jsonl` beside this file: rows of every table, and what the release itself
 * answered about them. `tools/release.ts` makes both.
 */
export const RELEASES: readonly Release[] = [
  {
    name: '0.1',
    migrations: FIRST,
    changed: [
      {
        at: 'GET /api/2.0/mlflow/model-versions/search .model_versions[2].aliases:',
        because: 'MLflow gives no aliases with the versions that a search finds',
      },
      {
        at: 'GET /api/2.0/mlflow/registered-models/get?name=Übung .registered_model.tags:',
        because: 'the history of aliases is told as tags',
      },
    ],
  },
]
