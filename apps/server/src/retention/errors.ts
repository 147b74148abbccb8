import { defineError } from '@tidemark/contracts'

export const NotDeleted = defineError(
  'NOT_DELETED',
  409,
  (what: string) => `The ${what} is not deleted. Delete it first: only then may it be deleted for good.`,
)
export const VersionsComeFrom = defineError(
  'RESOURCE_CONFLICT',
  409,
  (what: string, versions: string) =>
    `The ${what} is not deleted for good: the model versions ${versions} come from it. Delete them first.`,
)
export const DefaultExperiment = defineError(
  'DEFAULT_EXPERIMENT',
  409,
  () => 'The default experiment stays: clients expect it to be there. Its deleted runs can be deleted for good.',
)
