import { defineError } from '@tidemark/contracts'

export const EvaluationNotFound = defineError(
  'EVALUATION_NOT_FOUND',
  404,
  (id: string) => `There is no evaluation ${id}.`,
)
export const VersionUnknown = defineError(
  'MODEL_VERSION_NOT_FOUND',
  404,
  (model: string, version: number) => `There is no model version ${model}/${version} in the registry.`,
)
export const NoEnvironment = defineError(
  'NO_ENVIRONMENT',
  409,
  (model: string, version: number, reason: string) => `${model}/${version} cannot run here. ${reason}`,
)
export const EndpointUnknown = defineError(
  'ENDPOINT_NOT_FOUND',
  404,
  (name: string) => `There is no endpoint "${name}" to evaluate for.`,
)
export const OtherModel = defineError(
  'ENDPOINT_HAS_MODEL',
  409,
  (name: string, model: string) => `Endpoint "${name}" serves the model "${model}".`,
)
