import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { workerError } from './errors.ts'
import { type PipSettings, pipSettings } from './pip-settings.ts'
import { fetchDistribution } from './simple-index.ts'
import { fileOfWheel } from './wheel.ts'

const VERSION = '0.13.8'

/** The wheels of that version, by Node's name of the platform. */
const WHEELS: Readonly<Record<string, { file: string; sha256: string }>> = {
  'linux-x64': {
    file: `uv-${VERSION}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl`,
    sha256: 'e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984',
  },
  'linux-arm64': {
    file: `uv-${VERSION}-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl`,
    sha256: '0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d',
  },
}

/**
 * The path of the pinned uv below `cache`, fetched when it is not there: by pip, which knows every setting of this machine, else
 * by our own code.
 * @throws UV_UNSUPPORTED, UV_NOT_FETCHED, UV_DIGEST
 */
export async function ensureUv(cache: string, settings: PipSettings = pipSettings()): Promise<string> {
  const binary = join(cache, 'uv', VERSION, 'uv')
  if (existsSync(binary)) return binary
  const platform = `${process.platform}-${process.arch}`
  const wheel = WHEELS[platform]
  if (wheel === undefined) throw workerError('UV_UNSUPPORTED', platform)
  mkdirSync(join(cache, 'uv', VERSION), { recursive: true, mode: 0o755 })
  const scratch = mkdtempSync(join(cache, 'uv', 'fetch-'))
  try {
    const archive = byPip(wheel, scratch) ?? (await ourselves(wheel.file, settings))
    if (createHash('sha256').update(archive).digest('hex') !== wheel.sha256) throw workerError('UV_DIGEST', wheel.file)
    writeFileSync(join(scratch, 'uv'), fileOfWheel(archive, '.data/scripts/uv'), { mode: 0o755 })
    renameSync(join(scratch, 'uv'), binary)
    return binary
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function byPip(wheel: { file: string; sha256: string }, scratch: string): Buffer | undefined {
  const requirement = join(scratch, 'uv.txt')
  writeFileSync(requirement, `uv==${VERSION} --hash=sha256:${wheel.sha256}\n`)
  const wanted = [
    'download',
    '--quiet',
    '--no-deps',
    '--only-binary=:all:',
    '--require-hashes',
    '-d',
    scratch,
    '-r',
    requirement,
  ]
  spawnSync('python3', ['-m', 'pip', ...wanted], { stdio: 'ignore' })
  const file = join(scratch, wheel.file)
  return existsSync(file) ? readFileSync(file) : undefined
}

async function ourselves(file: string, settings: PipSettings): Promise<Buffer> {
  try {
    return await fetchDistribution('uv', file, settings)
  } catch (error) {
    throw workerError('UV_NOT_FETCHED', error instanceof Error ? error.message : String(error))
  }
}
