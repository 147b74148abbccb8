import { defineError } from '@tidemark/contracts'

export const ImportNotFound = defineError(
  'IMPORT_NOT_FOUND',
  404,
  (id: string) => `There is no import ${id} in this workspace.`,
)
export const ImportFinished = defineError(
  'IMPORT_FINISHED',
  409,
  (id: string) => `Import ${id} is finished. Start another one: it skips what is here already.`,
)
export const ExperimentNotImported = defineError(
  'EXPERIMENT_NOT_IMPORTED',
  409,
  (id: string) => `Experiment ${id} of the source did not come in yet. Give experiments before what lies in them.`,
)
