import { MlflowError } from '@tidemark/mlflow-protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { PREFIXES } from './plugin.ts'

/** Parts of MLflow 3.17's API that this release does not have, by the beginning of their path after the prefix. */
const NOT_YET: Readonly<Record<string, string>> = {
  '2.0/mlflow/traces': 'Tracing',
  '2.0/mlflow/unified-traces': 'Tracing',
  '2.0/mlflow/get-trace-artifact': 'Tracing',
  '2.0/mlflow/get-online-trace-details': 'Tracing',
  '2.0/mlflow/gateway-proxy': 'The AI gateway',
  '2.0/mlflow/runs/create-promptlab-run': 'The prompt lab',
  '3.0/mlflow/traces': 'Tracing',
  '3.0/mlflow/get-trace-artifact': 'Tracing',
  '3.0/mlflow/scorers': 'Scorers',
  '3.0/mlflow/scorer': 'Scorers',
  '3.0/mlflow/gateway': 'The AI gateway',
  '3.0/mlflow/issues': 'Issues',
  '3.0/mlflow/label-schemas': 'Label schemas',
  '3.0/mlflow/review-queues': 'Review queues',
  '3.0/mlflow/prompt-optimization': 'Prompt optimisation',
  '3.0/mlflow/genai': 'The evaluation of language models',
  '3.0/mlflow/jobs': 'Jobs of MLflow',
  '3.0/mlflow/roles': "Roles that one makes oneself (a person's role in a workspace is viewer, editor or owner)",
  '3.0/mlflow/users': 'Rights of a user on single experiments or models',
  '3.0/mlflow/mcp-servers': 'The registry of MCP servers',
  '3.0/mlflow/assistant': 'The assistant',
  '3.0/mlflow/demo': "MLflow's demo data",
  '3.0/mlflow/ui-telemetry': 'The telemetry of the web page of MLflow',
  '3.0/jobs': 'Jobs of MLflow',
  '/gateway': 'The AI gateway',
  '/v1/traces': 'Tracing',
  '/graphql': "The GraphQL of MLflow's web page",
  '/static-files': "MLflow's own web page",
  '/build': "MLflow's own web page",
}

/** The part of MLflow that a path belongs to, when this release does not have it; null for all other paths. */
export function partNotYet(path: string): string | null {
  const rest = PREFIXES.reduce((text, prefix) => (text.startsWith(prefix) ? text.slice(prefix.length) : text), path)
  const part = Object.keys(NOT_YET).find((key) => rest === key || rest.startsWith(`${key}/`))
  return part === undefined ? null : (NOT_YET[part] ?? part)
}

const page = (title: string, text: string) => `<!doctype html>
<html lang=en>
<title>${title}</title>
<h1>${title.slice(4)}</h1>
<p>${text}</p>
`
const NOT_FOUND = page(
  '404 Not Found',
  'The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.',
)
const NOT_ALLOWED = page('405 Method Not Allowed', 'The method is not allowed for the requested URL.')

/**
 * Says clearly what is missing: 501 with its name for a part of MLflow that is not here yet, MLflow's page for a path that it has not either, or
 * has not with this method.
 */
export function notYetRoutes(scope: FastifyInstance): void {
  const refuse = async (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0] ?? ''
    const part = partNotYet(path)
    if (part !== null) throw notImplemented(part)
    const methods = scope.mlflowMethods(path)
    if (methods.length === 0) return reply.code(404).type('text/html; charset=utf-8').send(NOT_FOUND)
    reply.header('allow', methods.join(', '))
    if (request.method === 'OPTIONS') return reply.code(204).send()
    return reply.code(405).type('text/html; charset=utf-8').send(NOT_ALLOWED)
  }
  for (const prefix of PREFIXES) {
    for (const version of ['2.0', '3.0']) scope.all(`${prefix}${version}/*`, { config: { anyPath: true } }, refuse)
  }
  for (const url of ['/gateway/*', '/v1/traces', '/graphql', '/static-files/*', '/build/*'])
    scope.all(url, { config: { anyPath: true } }, refuse)
}

function notImplemented(what: string): MlflowError {
  return new MlflowError(
    'NOT_IMPLEMENTED',
    `${what} is not part of this release of Tidemark. Experiments, runs, logged models, artifacts, the model registry, prompts, webhooks and evaluation datasets are.`,
  )
}
