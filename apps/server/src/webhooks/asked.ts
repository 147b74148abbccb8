import { invalid } from '@tidemark/mlflow-protocol'
import { ACTIONS, type Topic } from './types.ts'

const NAME = /^(?=.{1,63}$)[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i

/** @throws MlflowError in MLflow's words. */
export function checkName(name: string): void {
  if (NAME.test(name)) return
  throw invalid(
    `Webhook name '${name}' is invalid. It must start and end with a letter or digit, be less than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).`,
  )
}

/** The topic of an entity and an action. @throws MlflowError for a pair that there is not. */
export function topicOf(entity: string, action: string): Topic {
  const actions: readonly string[] = ACTIONS[entity as keyof typeof ACTIONS] ?? []
  if (actions.includes(action)) return `${entity}.${action}` as Topic
  const valid = actions.map((one) => `'${one}'`).join(', ')
  throw invalid(`Invalid action '${action}' for entity '${entity}'. Valid actions are: [${valid}]`)
}

/** The topics as MLflow lists them: each once, by entity and action. @throws MlflowError when there is none. */
export function topicList(topics: readonly Topic[]): Topic[] {
  if (topics.length === 0) throw invalid('Webhook events must be a non-empty list of WebhookEvent objects: [].')
  return [...new Set(topics)].sort()
}
