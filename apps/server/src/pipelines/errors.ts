import { defineError } from '@tidemark/contracts'

export const PipelineNotFound = defineError(
  'PIPELINE_NOT_FOUND',
  404,
  (name: string) => `There is no pipeline "${name}". Register it with \`tidemark pipelines apply FOLDER\`.`,
)
export const PipelineVersionNotFound = defineError(
  'PIPELINE_VERSION_NOT_FOUND',
  404,
  (name: string, version: number) => `Pipeline "${name}" has no version ${version}.`,
)
export const PipelineRunNotFound = defineError(
  'PIPELINE_RUN_NOT_FOUND',
  404,
  (run: string) => `There is no pipeline run ${run}.`,
)
export const StepNotFound = defineError(
  'PIPELINE_STEP_NOT_FOUND',
  404,
  (run: string, step: string) => `Pipeline run ${run} has no step "${step}".`,
)
export const NameDiffers = defineError(
  'PIPELINE_NAME_DIFFERS',
  400,
  (path: string, name: string) => `The definition is named "${name}" and was sent for "${path}".`,
)
export const CodeIncomplete = defineError('PIPELINE_CODE_INCOMPLETE', 400, (what: string) => what)
export const UnknownParameters = defineError(
  'UNKNOWN_PARAMETERS',
  400,
  (pipeline: string, names: string, known: string) =>
    `Pipeline "${pipeline}" has no parameters ${names}. Its parameters: ${known}.`,
)
export const RunEnded = defineError(
  'PIPELINE_RUN_ENDED',
  409,
  (run: string, state: string) => `Pipeline run ${run} has ended already (${state}).`,
)
export const ParameterWrongType = defineError(
  'PARAMETER_WRONG_TYPE',
  400,
  (name: string, given: string, expected: string) =>
    `Parameter "${name}" is a ${given}; the pipeline declares a ${expected}.`,
)
