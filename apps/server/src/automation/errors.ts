import { defineError } from '@tidemark/contracts'

export const DecisionNotFound = defineError(
  'DECISION_NOT_FOUND',
  404,
  (id: string) => `There is no retraining decision ${id} in this workspace.`,
)
