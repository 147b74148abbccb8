import { boolean, double, enumeration, integer, message, nested, repeated, required, string } from './fields.ts'

// The request messages of MLflow 3.17's REST API that this server answers (service.proto, model_registry.proto), field by field.

export const RUN_STATUS = { RUNNING: 1, SCHEDULED: 2, FINISHED: 3, FAILED: 4, KILLED: 5 } as const
export const VIEW_TYPE = { ACTIVE_ONLY: 1, DELETED_ONLY: 2, ALL: 3 } as const
export const LOGGED_MODEL_STATUS = {
  LOGGED_MODEL_STATUS_UNSPECIFIED: 0,
  LOGGED_MODEL_PENDING: 1,
  LOGGED_MODEL_READY: 2,
  LOGGED_MODEL_UPLOAD_FAILED: 3,
} as const
export type RunStatusName = keyof typeof RUN_STATUS
export type ViewTypeName = keyof typeof VIEW_TYPE
export type LoggedModelStatusName = keyof typeof LOGGED_MODEL_STATUS

const tag = nested({ key: required(string), value: string })
const tags = repeated(tag)
const page = { max_results: integer, page_token: string }
const orderBy = repeated(string)

export const CreateExperiment = message({ name: required(string), artifact_location: string, tags })
export const ExperimentId = message({ experiment_id: required(string) })
export const GetExperimentByName = message({ experiment_name: required(string) })
export const UpdateExperiment = message({ experiment_id: required(string), new_name: required(string) })
export const SetExperimentTag = message({ experiment_id: required(string), key: required(string), value: string })
export const DeleteExperimentTag = message({ experiment_id: required(string), key: required(string) })
export const SearchExperiments = message({
  view_type: enumeration(VIEW_TYPE),
  filter: string,
  order_by: orderBy,
  ...page,
})

export const CreateRun = message({
  experiment_id: string,
  user_id: string,
  run_name: string,
  start_time: integer,
  tags,
})
export const RunId = message({ run_id: required(string) })
export const UpdateRun = message({
  run_id: required(string),
  status: enumeration(RUN_STATUS),
  end_time: integer,
  run_name: string,
})

const dataset = { model_id: string, dataset_name: string, dataset_digest: string }
export const LogMetric = message({
  run_id: required(string),
  key: required(string),
  value: required(double),
  timestamp: required(integer),
  step: integer,
  ...dataset,
})
const metric = nested({
  key: required(string),
  value: required(double),
  timestamp: required(integer),
  step: integer,
  ...dataset,
})
const parameter = nested({ key: required(string), value: string })
export const LogParameter = message({ run_id: required(string), key: required(string), value: string })
export const LogBatch = message({
  run_id: required(string),
  metrics: repeated(metric),
  params: repeated(parameter),
  tags,
})
export const SetTag = message({ run_id: required(string), key: required(string), value: string })
export const DeleteTag = message({ run_id: required(string), key: required(string) })
export const LogInputs = message({
  run_id: required(string),
  datasets: repeated(
    nested({
      tags,
      dataset: required(
        nested({
          name: required(string),
          digest: required(string),
          source_type: required(string),
          source: required(string),
          schema: string,
          profile: string,
        }),
      ),
    }),
  ),
  models: repeated(nested({ model_id: required(string) })),
})
export const LogOutputs = message({
  run_id: required(string),
  models: required(repeated(nested({ model_id: required(string), step: integer }))),
})
export const LogModel = message({ run_id: required(string), model_json: required(string) })
export const SearchRuns = message({
  experiment_ids: repeated(string),
  filter: string,
  run_view_type: enumeration(VIEW_TYPE),
  order_by: orderBy,
  ...page,
  /** Not MLflow's: names of the only values to answer with, as in `["metrics.rmse", "params.seed"]`. Other servers leave it unread. */
  columns: repeated(string),
})
export const ListArtifacts = message({ run_id: required(string), path: string, page_token: string })
export const GetMetricHistory = message({ run_id: required(string), metric_key: required(string), ...page })
export const GetMetricHistoryBulk = message({ run_id: repeated(string), metric_key: string, max_results: integer })
export const GetMetricHistoryBulkInterval = message({
  run_ids: required(repeated(string)),
  metric_key: required(string),
  start_step: integer,
  end_step: integer,
  max_results: integer,
})

export const CreateLoggedModel = message({
  experiment_id: required(string),
  name: string,
  model_type: string,
  source_run_id: string,
  params: repeated(parameter),
  tags,
})
export const FinalizeLoggedModel = message({
  model_id: required(string),
  status: required(enumeration(LOGGED_MODEL_STATUS)),
})
export const SetLoggedModelTags = message({ tags })
export const LogLoggedModelParameters = message({ model_id: required(string), params: repeated(parameter) })
export const SearchLoggedModels = message({
  experiment_ids: required(repeated(string)),
  filter: string,
  order_by: repeated(nested({ field_name: string, ascending: boolean, dataset_name: string, dataset_digest: string })),
  datasets: repeated(nested({ dataset_name: string, dataset_digest: string })),
  ...page,
})
export const ListLoggedModelArtifacts = message({ artifact_directory_path: string, page_token: string })

export const CreateRegisteredModel = message({ name: required(string), tags, description: string })
export const ModelName = message({ name: required(string) })
export const UpdateRegisteredModel = message({ name: required(string), description: string })
export const RenameRegisteredModel = message({ name: required(string), new_name: required(string) })
export const SearchRegistry = message({ filter: string, order_by: orderBy, ...page })
export const GetLatestVersions = message({ name: required(string), stages: repeated(string) })
export const SetModelTag = message({ name: required(string), key: required(string), value: string })
export const DeleteModelTag = message({ name: required(string), key: required(string) })
export const SetAlias = message({ name: required(string), alias: required(string), version: required(string) })
export const Alias = message({ name: required(string), alias: required(string) })

const version = { name: required(string), version: required(string) }
export const CreateModelVersion = message({
  name: required(string),
  source: required(string),
  run_id: string,
  tags,
  run_link: string,
  description: string,
  model_id: string,
})
export const ModelVersionId = message(version)
export const UpdateModelVersion = message({ ...version, description: string })
export const TransitionStage = message({ ...version, stage: required(string), archive_existing_versions: boolean })
export const SetVersionTag = message({ ...version, key: required(string), value: string })
export const DeleteVersionTag = message({ ...version, key: required(string) })

export const ListProxiedArtifacts = message({ path: string })

const WEBHOOK_STATUS = { ACTIVE: 1, DISABLED: 2 } as const
const WEBHOOK_ENTITY = {
  ENTITY_UNSPECIFIED: 0,
  REGISTERED_MODEL: 1,
  MODEL_VERSION: 2,
  MODEL_VERSION_TAG: 3,
  MODEL_VERSION_ALIAS: 4,
  PROMPT: 5,
  PROMPT_VERSION: 6,
  PROMPT_TAG: 7,
  PROMPT_VERSION_TAG: 8,
  PROMPT_ALIAS: 9,
  BUDGET_POLICY: 10,
} as const
const WEBHOOK_ACTION = { ACTION_UNSPECIFIED: 0, CREATED: 1, UPDATED: 2, DELETED: 3, SET: 4, EXCEEDED: 5 } as const
const webhookEvent = nested({ entity: enumeration(WEBHOOK_ENTITY), action: enumeration(WEBHOOK_ACTION) })
export const CreateWebhook = message({
  name: required(string),
  url: required(string),
  events: required(repeated(webhookEvent)),
  description: string,
  secret: string,
  status: enumeration(WEBHOOK_STATUS),
})
export const ListWebhooks = message(page)
export const UpdateWebhook = message({
  name: string,
  url: string,
  events: repeated(webhookEvent),
  description: string,
  secret: string,
  status: enumeration(WEBHOOK_STATUS),
})
export const TestWebhook = message({ event: webhookEvent })

export const CreateUser = message({ username: required(string), password: required(string) })
export const UserName = message({ username: required(string) })
export const UpdateUserAdmin = message({ username: required(string), is_admin: required(boolean) })
export const UpdateUserPassword = message({
  username: required(string),
  password: required(string),
  current_password: string,
})

const archival = nested({ location: string, retention: string })
export const CreateWorkspace = message({
  name: required(string),
  description: string,
  default_artifact_root: string,
  trace_archival_config: archival,
})
export const UpdateWorkspace = message({
  description: string,
  default_artifact_root: string,
  trace_archival_config: archival,
})

export const CreateMultipartUpload = message({ path: required(string), num_parts: integer })
export const CompleteMultipartUpload = message({
  path: required(string),
  upload_id: string,
  parts: repeated(nested({ part_number: integer, etag: string, url: string })),
})
export const AbortMultipartUpload = message({ path: required(string), upload_id: string })
export const PresignedUploadUrl = message({
  run_id: string,
  model_id: string,
  path: required(string),
  expiration: integer,
})
export const PresignedDownloadUrl = message({ run_id: required(string), path: required(string), expiration: integer })

export const CreateEvaluationDataset = message({
  name: required(string),
  experiment_ids: repeated(string),
  tags: string,
})
export const SearchEvaluationDatasets = message({
  experiment_ids: repeated(string),
  filter_string: string,
  order_by: orderBy,
  ...page,
})
export const SetEvaluationDatasetTags = message({ tags: required(string) })
export const EvaluationDatasetExperiments = message({ experiment_ids: repeated(string) })
export const UpsertEvaluationRecords = message({ records: required(string) })
export const GetEvaluationRecords = message(page)
export const DeleteEvaluationRecords = message({ dataset_record_ids: repeated(string) })
