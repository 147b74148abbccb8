import { defineError } from '@tidemark/contracts'

export const ApprovalNotFound = defineError('APPROVAL_NOT_FOUND', 404, (id: string) => `There is no approval ${id}.`)
export const ApprovalDecided = defineError(
  'APPROVAL_DECIDED',
  409,
  (id: string, state: string) => `Approval ${id} was decided before: it is ${state}.`,
)
export const WaiverNeedsGates = defineError(
  'WAIVER_NEEDS_GATES',
  409,
  (ref: string, endpoint: string) =>
    `The gates of ${ref} for endpoint "${endpoint}" never came to an end, so there is nothing to waive. Run them first: POST /api/v1/evaluations.`,
)
export const WaiverIncomplete = defineError(
  'WAIVER_INCOMPLETE',
  409,
  (ref: string, gates: string) => `${ref} also failed ${gates}: a waiver names every gate that stands in the way.`,
)
export const WaiverNotNeeded = defineError(
  'WAIVER_NOT_NEEDED',
  409,
  (ref: string, gate: string) => `${ref} did not fail the gate "${gate}", so it cannot be waived.`,
)
export const NothingToExplain = defineError(
  'NOTHING_TO_EXPLAIN',
  404,
  (id: string) =>
    `Nothing here is called "${id}". Give the id of an event, rollout, pipeline run, evaluation, approval, window or prediction, or a model version such as films/3.`,
)
