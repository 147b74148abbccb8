import { defineError } from '@tidemark/contracts'

export const EndpointNotFound = defineError(
  'ENDPOINT_NOT_FOUND',
  404,
  (name: string) => `There is no endpoint "${name}". Create it with PUT /api/v1/endpoints/${name}.`,
)
export const EndpointNeedsVersion = defineError(
  'ENDPOINT_NEEDS_VERSION',
  400,
  (name: string) => `A new endpoint begins with a version: send "version" to create "${name}".`,
)
export const EndpointHasModel = defineError(
  'ENDPOINT_HAS_MODEL',
  409,
  (name: string, model: string) =>
    `Endpoint "${name}" serves the model "${model}". Make another endpoint for another model.`,
)
export const EndpointHasChampion = defineError(
  'ENDPOINT_HAS_CHAMPION',
  409,
  (name: string, version: number) =>
    `Endpoint "${name}" serves version ${version}. Another version comes by a rollout: evaluate it, then have it approved.`,
)
export const SensitiveColumnUnknown = defineError(
  'SENSITIVE_COLUMN_UNKNOWN',
  400,
  (name: string, columns: readonly string[]) =>
    `policy.logging.sensitive names ${columns.map((column) => `"${column}"`).join(', ')}, which ${columns.length === 1 ? 'is no input column' : 'are no input columns'} of endpoint "${name}".`,
)
export const VersionUnknown = defineError(
  'MODEL_VERSION_NOT_FOUND',
  404,
  (model: string, version: number) => `There is no model version ${model}/${version} in the registry.`,
)
export const VersionWithoutModel = defineError(
  'MODEL_VERSION_WITHOUT_MODEL',
  409,
  (model: string, version: number) =>
    `${model}/${version} has no MLmodel file that the platform holds, so there is nothing to serve. Register a model that was logged here with log_model.`,
)
export const RolloutNotFound = defineError('ROLLOUT_NOT_FOUND', 404, (id: string) => `There is no rollout ${id}.`)
export const RolloutEnded = defineError(
  'ROLLOUT_ENDED',
  409,
  (id: string, state: string) => `Rollout ${id} has ended (${state}); nothing was changed.`,
)
export const VersionNotApproved = defineError(
  'VERSION_NOT_APPROVED',
  409,
  (ref: string, endpoint: string) =>
    `${ref} is not approved for endpoint "${endpoint}". Run its gates (POST /api/v1/evaluations), or record a waiver.`,
)
export const RolloutNotPaused = defineError(
  'ROLLOUT_NOT_PAUSED',
  409,
  (id: string) => `Rollout ${id} is not paused; there is nothing to resume.`,
)
export const RolloutNotOver = defineError(
  'ROLLOUT_NOT_OVER',
  409,
  (id: string, state: string) =>
    `Rollout ${id} is ${state}. What was rolled back, observed or dropped can be retried; abort it first.`,
)
export const RolloutVersionsDiffer = defineError(
  'ROLLOUT_VERSIONS_DIFFER',
  400,
  (version: number, variants: readonly number[]) =>
    `Version ${version} is none of the variants ${variants.join(', ')}. Name one of them as "version", or add it under policy.ab.variants.`,
)
export const EvidenceRolloutEnded = defineError(
  'EVIDENCE_ROLLOUT_ENDED',
  409,
  (name: string) => `Rollout "${name}" has ended and takes no more observations. Begin another for another version.`,
)
export const ObservationWrong = defineError(
  'OBSERVATION_WRONG',
  400,
  (place: number, what: string) => `observations[${place}]: ${what} Nothing of this report was counted.`,
)
