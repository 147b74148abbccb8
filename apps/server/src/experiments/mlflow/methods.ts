import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    /** What a path of MLflow's API may be asked with; empty for a path that it does not have. */
    mlflowMethods: (path: string) => string[]
  }
  interface FastifyContextConfig {
    /** Answers for paths that no other route has. */
    anyPath?: true
  }
}

/** Keeps which methods each path of a scope has, so that a wrong one is told from a wrong path. Called before any route is added. */
export function watchMethods(scope: FastifyInstance): void {
  const known = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  scope.addHook('onRoute', ({ url, method, config }) => {
    if (config?.anyPath) return
    const entry = known.get(url) ?? { pattern: patternOf(url), methods: new Set() }
    for (const one of [method].flat()) entry.methods.add(one)
    known.set(url, entry)
  })
  scope.decorate('mlflowMethods', (path) => {
    const found = [...known.values()].filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => [...methods])
    return found.length === 0 ? [] : [...new Set([...found, 'OPTIONS'])].sort()
  })
}

/** `/a/:id/*` as an expression; each parameter is one segment. */
function patternOf(url: string): RegExp {
  const source = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:\w+/g, '[^/]+')
    .replace(/\*/g, '.*')
  return new RegExp(`^${source}$`)
}
