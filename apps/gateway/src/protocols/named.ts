import type { FastifyRequest } from 'fastify'
import type { LoadedVersion } from '../runtimes/models.ts'
import { checkAccess, mayAsk } from '../scoring/access.ts'
import { namedEndpoint } from '../scoring/endpoints.ts'
import { type Terms, workspaceOf } from '../scoring/exchange.ts'
import type { ServedEndpoint, Serving } from '../snapshot/serving.ts'
import { pinned } from './versions.ts'

/** Of protocols whose paths name a model, which is an endpoint of the workspace, and may name one of its versions by number. */
export interface ModelPath {
  readonly model: string
  readonly version?: string
}

/** How a prediction is asked for by such a path; who may ask is the exchange's to check. */
export const byPath = {
  find: (request, serving) => namedEndpoint(serving, workspaceOf(request), (request.params as ModelPath).model),
  pin: (endpoint, request) => pinned(endpoint, (request.params as ModelPath).version),
} satisfies Pick<Terms, 'find' | 'pin'>

/** What a question is about that asks for no prediction. @throws TidemarkError when it is not served, or not for who asks */
export function lookedAt(
  request: FastifyRequest,
  serving: Serving,
): { readonly endpoint: ServedEndpoint; readonly version: LoadedVersion | null } {
  const endpoint = byPath.find(request, serving)
  checkAccess(serving.tokens, request.headers, endpoint.spec.workspace, endpoint.spec.name)
  return { endpoint, version: byPath.pin(endpoint, request) }
}

/** The endpoints of the request's workspace that it may ask. @throws TokenNeeded, TokenRefused */
export function servedTo(request: FastifyRequest, { endpoints, tokens }: Serving): ServedEndpoint[] {
  const workspace = workspaceOf(request)
  const may = mayAsk(tokens, request.headers, workspace)
  return [...endpoints.values()].filter(({ spec }) => spec.workspace === workspace && may(spec.name))
}
