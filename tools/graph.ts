import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** One file and what it imports, by paths from the root of the clone. */
export interface Module {
  readonly source: string
  readonly dependencies: readonly { readonly resolved: string; readonly dependencyTypes: readonly string[] }[]
}

export interface Violation {
  readonly rule: string
  readonly from: string
  readonly to: string
}

/** From each part (an app, a package, a module of the server) to the parts it imports, both sorted. */
export type Parts = ReadonlyMap<string, readonly string[]>

/** Reads every TypeScript file's imports with dependency-cruiser, and judges them by tools/dependency-cruiser.cjs. */
export function readGraph(): { readonly modules: readonly Module[]; readonly violations: readonly Violation[] } {
  const folders = ['apps', 'packages', 'tools', 'bench', 'examples'].filter((folder) => existsSync(folder))
  const { stdout, stderr } = spawnSync(
    'depcruise',
    ['--config', 'tools/dependency-cruiser.cjs', '--output-type', 'json', ...folders],
    { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
  )
  if (!stdout) throw new Error(`dependency-cruiser printed nothing: ${stderr}`)
  const { summary, modules } = JSON.parse(stdout) as {
    summary: { violations: { rule: { name: string; severity: string }; from: string; to: string }[] }
    modules: Module[]
  }
  return {
    modules,
    violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
  }
}

/**
 * Where a `decide.ts` is not pure: files that it loads, at any depth, and that import a built-in of Node or a package other than zod. Without
 * those there is no file, socket, database or timer, so the same evidence gives the same answer. Types are no matter: they are gone at run time.
 */
export function impureRules(modules: readonly Module[]): Violation[] {
  const bySource = new Map(modules.map((module) => [module.source, module]))
  return modules.flatMap(({ source }) => {
    if (!source.endsWith('/decide.ts')) return []
    const loaded = new Set([source])
    const found: Violation[] = []
    for (const file of loaded) {
      for (const { resolved, dependencyTypes } of bySource.get(file)?.dependencies ?? []) {
        if (dependencyTypes.includes('type-only')) continue
        if (/^(apps|packages)\//.test(resolved)) loaded.add(resolved)
        else if (!resolved.includes('node_modules/zod/'))
          found.push({ rule: 'rules-are-pure', from: source, to: file === source ? resolved : `${file} → ${resolved}` })
      }
    }
    return found
  })
}

/** The graph of parts, as shipped: tests and what only tests use are left out. */
export function partsOf(modules: readonly Module[]): Parts {
  const parts = new Map<string, Set<string>>()
  for (const { source, dependencies } of modules) {
    const from = partOf(source)
    if (from === null || isForTests(source)) continue
    const to = parts.get(from) ?? new Set()
    parts.set(from, to)
    for (const { resolved } of dependencies) {
      const part = partOf(resolved)
      if (part !== null && part !== from) to.add(part)
    }
  }
  return new Map([...parts].sort(byName).map(([from, to]) => [from, [...to].sort()]))
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

/** The folder below apps/ or packages/; in the server each module's, and the files that put them together as `server`. */
function partOf(path: string): string | null {
  const inServer = /^apps\/server\/src\/(?:([a-z]+)\/)?/.exec(path)
  if (inServer) return inServer[1] ? `server/${inServer[1]}` : 'server'
  return /^(?:apps|packages)\/([a-z-]+)\//.exec(path)?.[1] ?? null
}

function isForTests(path: string): boolean {
  return /\.(test|journey)\.tsx?$|\/testing\.ts$|\/(test|testing|journeys|fixtures)\//.test(path)
}

/** A way round the graph, its first part again at the end; null when there is none. */
export function cycleOf(parts: Parts): readonly string[] | null {
  const done = new Set<string>()
  const visit = (part: string, way: readonly string[]): readonly string[] | null => {
    const at = way.indexOf(part)
    if (at >= 0) return [...way.slice(at), part]
    if (done.has(part)) return null
    for (const next of parts.get(part) ?? []) {
      const cycle = visit(next, [...way, part])
      if (cycle) return cycle
    }
    done.add(part)
    return null
  }
  for (const part of parts.keys()) {
    const cycle = visit(part, [])
    if (cycle) return cycle
  }
  return null
}
