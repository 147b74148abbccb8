import { checkKey, checkLength, invalid, LIMITS } from '@tidemark/mlflow-protocol'
import type { KeyValue } from '../experiments/index.ts'
import type { Stage } from './types.ts'

const STAGES: readonly Stage[] = ['None', 'Staging', 'Production', 'Archived']

export interface Search {
  readonly filter: string | undefined
  readonly orderBy: readonly string[] | undefined
  readonly offset: number
  readonly limit: number
}

const PROMPT_TEXT = 'mlflow.prompt.text'

/** @throws MlflowError for a key or value that MLflow would refuse. */
export function checkTag(tag: KeyValue): void {
  checkKey(tag.key, 'key')
  checkLength('key', LIMITS.key, tag.key)
  if (tag.key === PROMPT_TEXT && [...tag.value].length > LIMITS.registryTagValue) {
    throw invalid(`Prompt text exceeds max length of ${LIMITS.registryTagValue} characters.`)
  }
  checkLength('value', LIMITS.registryTagValue, tag.value)
}

const IS_PROMPT = 'mlflow.prompt.is_prompt'

/** Whether these tags make a model or version a prompt; of a key given twice the last counts. */
export function isPrompt(tags: readonly KeyValue[]): boolean {
  return tags.findLast((tag) => tag.key === IS_PROMPT)?.value.toLowerCase() === 'true'
}

export function tagRecord(tags: readonly KeyValue[]): Record<string, string> {
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]))
}

/** A stage by its name, in any case. @throws MlflowError that lists the stages. */
export function stageOf(text: string): Stage {
  const stage = STAGES.find((name) => name.toLowerCase() === text.toLowerCase())
  if (!stage) {
    throw invalid(`Invalid Model Version stage: ${text}. Value must be one of None, Staging, Production, Archived.`)
  }
  return stage
}
