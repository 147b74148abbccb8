import { z } from 'zod'
import type { Endpoint } from './endpoint.ts'
import { ErrorReply } from './errors.ts'

/** The OpenAPI 3.1 document of a contract, generated from the same schemas that validate. */
export function openApiDocument(
  api: Readonly<Record<string, Readonly<Record<string, Endpoint>>>>,
  version: string,
): object {
  const paths: Record<string, Record<string, unknown>> = {}
  const shared: Record<string, unknown> = {}
  for (const [group, endpoints] of Object.entries(api)) {
    for (const [name, definition] of Object.entries(endpoints)) {
      const path = definition.path.replace(/:([A-Za-z]+)/g, '{$1}')
      paths[path] = { ...paths[path], [definition.method.toLowerCase()]: operation(`${group}.${name}`, definition) }
    }
  }
  const hoisted = hoist({ paths, error: schema(ErrorReply) }, shared) as { paths: object; error: object }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tidemark',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description: 'The own API of Tidemark. MLflow clients use /api/2.0/mlflow beside it.',
    },
    paths: hoisted.paths,
    components: { schemas: { Error: hoisted.error, ...shared } },
  }
}

function operation(operationId: string, definition: Endpoint): object {
  return {
    operationId,
    summary: definition.summary,
    tags: [definition.tag],
    'x-permission': definition.permission,
    parameters: [...parameters('path', definition.params), ...parameters('query', definition.query)],
    ...(definition.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schema(definition.body, 'input') } },
          },
        }
      : {}),
    responses: {
      [definition.status ?? 200]: {
        description: 'OK',
        content: { 'application/json': { schema: schema(definition.reply) } },
      },
      default: {
        description: 'Error',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

function parameters(place: 'path' | 'query', type: z.ZodType | undefined): object[] {
  if (!type) return []
  const { properties = {}, required = [] } = schema(type, 'input') as {
    properties?: Record<string, object>
    required?: string[]
  }
  return Object.entries(properties).map(([name, value]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: value,
  }))
}

function schema(type: z.ZodType, io: 'input' | 'output' = 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(type, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
  }) as Record<string, unknown>
  return rest
}

/** Moves named schemas (`$defs` of each JSON Schema) to the document's components, where every operation shares them. */
function hoist(value: unknown, shared: Record<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((item) => hoist(item, shared))
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).flatMap(([key, item]) => {
    if (key === '$defs') {
      for (const [name, definition] of Object.entries(item as object)) shared[name] ??= hoist(definition, shared)
      return []
    }
    if (key === '$ref' && typeof item === 'string') return [[key, item.replace('#/$defs/', '#/components/schemas/')]]
    return [[key, hoist(item, shared)]]
  })
  return Object.fromEntries(entries)
}
