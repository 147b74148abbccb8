import type { z } from 'zod'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One HTTP endpoint: the single source of its validation, its place in the OpenAPI document and its typed client. */
export interface Endpoint {
  readonly method: Method
  /** Fastify style, below the server's root: `/api/v1/datasets/:dataset`. */
  readonly path: string
  readonly summary: string
  readonly tag: string
  /**
   * What the actor must be allowed to do, as `module.verb`. `signed-in`: anybody whose credentials hold, in whatever workspace.
   * `everybody`: also without credentials.
   */
  readonly permission: Permission | 'signed-in' | 'everybody'
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  readonly reply: z.ZodType
  /** Status of a good answer; 200 unless said. */
  readonly status?: 200 | 201 | 202
}

export const PERMISSIONS = [
  'data.read',
  'data.write',
  'experiments.read',
  'experiments.write',
  'experiments.delete',
  'pipelines.read',
  'pipelines.write',
  'registry.read',
  'registry.write',
  'registry.delete',
  'evaluation.read',
  'evaluation.write',
  'deployments.read',
  'deployments.write',
  'monitoring.read',
  'monitoring.write',
  /** Erase what is known of a subject, for good. */
  'monitoring.erase',
  'automation.read',
  'automation.write',
  'governance.read',
  'governance.approve',
  'governance.waive',
  'platform.read',
  /** Empty everything, on a platform for tests. */
  'platform.reset',
  'platform.manage',
  // Members and tokens of a workspace; then what concerns the whole platform.
  'identity.read',
  'identity.manage',
  'users.read',
  'users.manage',
  'workspaces.manage',
] as const
export type Permission = (typeof PERMISSIONS)[number]

/** Declares an endpoint; the identity function that keeps its exact type. */
export function endpoint<const E extends Endpoint>(definition: E): E {
  return definition
}

type Input<S> = S extends z.ZodType ? z.input<S> : never
type Output<S> = S extends z.ZodType ? z.output<S> : never
type Part<E, K extends 'params' | 'query' | 'body'> = E extends { readonly [P in K]: infer S }
  ? { readonly [P in K]: Input<S> }
  : unknown
type ParsedPart<E, K extends 'params' | 'query' | 'body'> = E extends { readonly [P in K]: infer S }
  ? { readonly [P in K]: Output<S> }
  : unknown

/** What a caller of the endpoint gives. */
export type CallOf<E extends Endpoint> = Part<E, 'params'> & Part<E, 'query'> & Part<E, 'body'>
/** What a handler of the endpoint receives: parsed, with defaults filled in. */
export type ParsedOf<E extends Endpoint> = ParsedPart<E, 'params'> & ParsedPart<E, 'query'> & ParsedPart<E, 'body'>
/** What the endpoint answers, as the caller sees it. */
export type ReplyOf<E extends Endpoint> = z.output<E['reply']>
/** What a handler returns, before it is serialised. */
export type AnswerOf<E extends Endpoint> = z.input<E['reply']>
