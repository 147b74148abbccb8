/** `npm run check`: format, lint, types, boundaries, dead exports, generated documents. Runs all, then says which failed. */
import { spawnSync } from 'node:child_process'
import { impureRules, readGraph } from './graph.ts'
import { environmentFor } from './python.ts'

interface Check {
  readonly name: string
  readonly run: () => boolean | Promise<boolean>
}

function command(name: string, ...args: string[]): boolean {
  return spawnSync(name, args, { stdio: 'inherit' }).status === 0
}

/** The smallest number of modules that the boundary check must have read; an analyser that silently reads none passes everything. */
const LEAST_MODULES = 480

function boundaries(): boolean {
  const graph = readGraph()
  const violations = [...graph.violations, ...impureRules(graph.modules)]
  for (const { rule, from, to } of violations) console.error(`  ${rule}: ${from} → ${to}`)
  const ours = graph.modules.filter(({ source }) => /^(apps|packages|tools|bench)\/.*\.tsx?$/.test(source))
  console.log(`  ${ours.length} modules read, ${violations.length} violations`)
  if (ours.length < LEAST_MODULES)
    console.error(`  Only ${ours.length} modules were read; at least ${LEAST_MODULES} are there. The check is broken.`)
  return violations.length === 0 && ours.length >= LEAST_MODULES
}

async function python(): Promise<boolean> {
  const { dir } = await environmentFor('test')
  const ruff = (...args: string[]) =>
    command(`${dir}/bin/ruff`, ...args, '--config', 'python/pyproject.toml', 'python', 'examples')
  const typed = () => spawnSync(`${dir}/bin/python`, ['-m', 'mypy'], { cwd: 'python', stdio: 'inherit' }).status === 0
  return [ruff('check'), ruff('format', '--check'), typed()].every(Boolean)
}

const checks: readonly Check[] = [
  {
    name: 'format and lint',
    run: () => command('biome', 'ci', '--error-on-warnings', `--colors=${process.stdout.isTTY ? 'force' : 'off'}`, '.'),
  },
  { name: 'types', run: () => command('tsc', '-p', 'tsconfig.json') },
  { name: 'types of the UI', run: () => command('tsc', '-p', 'apps/web/tsconfig.json') },
  { name: "types of the UI's tests", run: () => command('tsc', '-p', 'apps/web/test/tsconfig.json') },
  { name: 'boundaries', run: boundaries },
  { name: 'dead code', run: () => command('knip') },
  { name: 'generated documents', run: () => command('./tidemark', 'run', 'tools/generate.ts', '--check') },
  { name: 'python', run: python },
]

/** A check that cannot run has failed; the others still run. */
async function outcome(check: Check): Promise<boolean> {
  try {
    return await check.run()
  } catch (error) {
    console.error(error)
    return false
  }
}

const only = process.argv[2]
const failed: string[] = []
for (const check of checks) {
  if (only && !check.name.includes(only)) continue
  console.log(`— ${check.name}`)
  const started = performance.now()
  const good = await outcome(check)
  console.log(`  ${good ? 'good' : 'FAILED'} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  if (!good) failed.push(check.name)
}
if (failed.length > 0) {
  console.error(`Checks that failed: ${failed.join(', ')}`)
  process.exit(1)
}
console.log('All checks are good.')
