/** `npm run check`: format, lint, types, boundaries, dead exports, generated documents. Runs all, then says which failed. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { environmentFor } from './python.ts'

interface Check {
  readonly name: string
  readonly run: () => boolean | Promise<boolean>
}

function command(name: string, ...args: string[]): boolean {
  return spawnSync(name, args, { stdio: 'inherit' }).status === 0
}

/** The smallest number of modules that the boundary check must have read; an analyser that silently reads none passes everything. */
const LEAST_MODULES = 100

function boundaries(): boolean {
  const folders = ['apps', 'packages', 'tools', 'bench'].filter((folder) => existsSync(folder))
  const result = spawnSync(
    'depcruise',
    ['--config', 'tools/dependency-cruiser.cjs', '--output-type', 'json', ...folders],
    {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    },
  )
  const { summary, modules } = JSON.parse(result.stdout) as {
    summary: { violations: { rule: { name: string }; from: string; to: string }[]; error: number }
    modules: { source: string }[]
  }
  for (const violation of summary.violations)
    console.error(`  ${violation.rule.name}: ${violation.from} → ${violation.to}`)
  const ours = modules.filter(
    (module) => /^(apps|packages|tools|bench)\//.test(module.source) && /\.tsx?$/.test(module.source),
  )
  console.log(`  ${ours.length} modules read, ${summary.violations.length} violations`)
  if (ours.length < LEAST_MODULES)
    console.error(`  Only ${ours.length} modules were read; at least ${LEAST_MODULES} are there. The check is broken.`)
  return summary.error === 0 && ours.length >= LEAST_MODULES
}

async function python(): Promise<boolean> {
  const environment = await environmentFor('test')
  const ruff = `${environment.dir}/bin/ruff`
  return command(ruff, 'check', 'python', 'examples') && command(ruff, 'format', '--check', 'python', 'examples')
}

const checks: readonly Check[] = [
  { name: 'format and lint', run: () => command('biome', 'ci', '--error-on-warnings', '.') },
  { name: 'types', run: () => command('tsc', '-p', 'tsconfig.json') },
  { name: 'types of the UI', run: () => command('tsc', '-p', 'apps/web/tsconfig.json') },
  { name: 'boundaries', run: boundaries },
  { name: 'dead code', run: () => command('knip') },
  { name: 'generated documents', run: () => command('./tidemark', 'run', 'tools/generate.ts', '--check') },
  { name: 'python', run: python },
]

const only = process.argv[2]
const failed: string[] = []
for (const check of checks) {
  if (only && !check.name.includes(only)) continue
  console.log(`— ${check.name}`)
  const started = performance.now()
  const good = await check.run()
  console.log(`  ${good ? 'good' : 'FAILED'} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  if (!good) failed.push(check.name)
}
if (failed.length > 0) {
  console.error(`Checks that failed: ${failed.join(', ')}`)
  process.exit(1)
}
console.log('All checks are good.')
