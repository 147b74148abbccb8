import { z } from 'zod'

// What an MLflow server answers, as far as an import reads it. Empty fields are left out by the server.

const int = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number),
])
/** NaN and infinities travel as text. */
const double = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform((text) => Number(text))])
const pairs = z.array(z.object({ key: z.string(), value: z.string().default('') })).default([])
const page = { next_page_token: z.string().optional() }
const lifecycle = z.enum(['active', 'deleted'])

export const Experiments = z.object({
  experiments: z
    .array(
      z.object({
        experiment_id: z.string(),
        name: z.string(),
        lifecycle_stage: lifecycle,
        creation_time: int.default(0),
        last_update_time: int.default(0),
        tags: pairs,
      }),
    )
    .default([]),
  ...page,
})

const Metric = z.object({ key: z.string(), value: double, timestamp: int.default(0), step: int.default(0) })

export const WireRun = z.object({
  info: z.object({
    run_id: z.string(),
    run_name: z.string().default(''),
    user_id: z.string().default(''),
    status: z.enum(['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED']),
    start_time: int.default(0),
    end_time: int.optional(),
    artifact_uri: z.string().default(''),
    lifecycle_stage: lifecycle,
  }),
  data: z.object({ metrics: z.array(Metric).default([]), params: pairs, tags: pairs }).prefault({}),
  inputs: z
    .object({
      dataset_inputs: z
        .array(
          z.object({
            tags: pairs,
            dataset: z.object({
              name: z.string(),
              digest: z.string(),
              source_type: z.string().default(''),
              source: z.string().default(''),
              schema: z.string().optional(),
              profile: z.string().optional(),
            }),
          }),
        )
        .default([]),
      model_inputs: z.array(z.object({ model_id: z.string() })).default([]),
    })
    .prefault({}),
  outputs: z
    .object({ model_outputs: z.array(z.object({ model_id: z.string(), step: int.default(0) })).default([]) })
    .prefault({}),
})
export type WireRun = z.output<typeof WireRun>
export const Runs = z.object({ runs: z.array(WireRun).default([]), ...page })

export const History = z.object({ metrics: z.array(Metric).default([]), ...page })

export const LoggedModels = z.object({
  models: z
    .array(
      z.object({
        info: z.object({
          model_id: z.string(),
          name: z.string(),
          creation_timestamp_ms: int,
          last_updated_timestamp_ms: int,
          artifact_uri: z.string(),
          status: z.enum([
            'LOGGED_MODEL_STATUS_UNSPECIFIED',
            'LOGGED_MODEL_PENDING',
            'LOGGED_MODEL_READY',
            'LOGGED_MODEL_UPLOAD_FAILED',
          ]),
          model_type: z.string().default(''),
          source_run_id: z.string().default(''),
          tags: pairs,
        }),
        data: z
          .object({
            params: pairs,
            metrics: z
              .array(
                Metric.extend({
                  run_id: z.string().default(''),
                  dataset_name: z.string().default(''),
                  dataset_digest: z.string().default(''),
                }),
              )
              .default([]),
          })
          .prefault({}),
      }),
    )
    .default([]),
  ...page,
})

export const RegisteredModels = z.object({
  registered_models: z
    .array(
      z.object({
        name: z.string(),
        description: z.string().default(''),
        creation_timestamp: int.default(0),
        last_updated_timestamp: int.optional(),
        tags: pairs,
        aliases: z.array(z.object({ alias: z.string(), version: int })).default([]),
      }),
    )
    .default([]),
  ...page,
})

export const ModelVersions = z.object({
  model_versions: z
    .array(
      z.object({
        name: z.string(),
        version: int,
        description: z.string().default(''),
        source: z.string().default(''),
        run_id: z.string().default(''),
        run_link: z.string().default(''),
        current_stage: z.enum(['None', 'Staging', 'Production', 'Archived']).default('None'),
        status: z.string().default('READY'),
        user_id: z.string().default(''),
        creation_timestamp: int.default(0),
        last_updated_timestamp: int.optional(),
        tags: pairs,
      }),
    )
    .default([]),
  ...page,
})
export type WireVersion = z.output<typeof ModelVersions>['model_versions'][number]

export const DownloadUri = z.object({ artifact_uri: z.string() })
export const Webhooks = z.object({
  webhooks: z.array(z.object({ name: z.string(), url: z.string() })).default([]),
  ...page,
})
export const Files = z.object({
  files: z
    .array(z.object({ path: z.string(), is_dir: z.boolean().default(false), file_size: int.default(0) }))
    .default([]),
  ...page,
})
