import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Builds the UI when its sources changed since the last build. In a release it was built before. */
export async function ensureWeb(root: string): Promise<void> {
  const stampFile = join(root, 'apps/web/dist/.sources')
  const stamp = sourcesStamp(root)
  if (readIfThere(stampFile) === stamp) return
  await build(root)
  writeFileSync(stampFile, stamp)
}

/** Names, sizes and times of everything that the UI is built from. */
function sourcesStamp(root: string): string {
  const files = globSync(
    ['apps/web/{src,public}/**/*', 'apps/web/*.{ts,html,json}', 'packages/contracts/src/**/*.ts', 'package-lock.json'],
    { cwd: root },
  )
  const hash = createHash('sha256')
  for (const file of files.sort()) {
    const { size, mtimeMs } = statSync(join(root, file))
    hash.update(`${file} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function build(root: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [join(root, 'node_modules/vite/bin/vite.js'), 'build', join(root, 'apps/web'), '--logLevel', 'warn'],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`The UI could not be built:\n${output.slice(-2000)}`)),
    )
  })
}
