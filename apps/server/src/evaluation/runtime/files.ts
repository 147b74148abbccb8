import { copyFile, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Platform } from '../../platform/index.ts'
import type { EvaluationPorts } from '../types.ts'
import type { VersionKey } from './store.ts'

/** The frozen files of a version, as MLflow laid them out, in a folder of their own, which is emptied before. @returns the folder */
export async function layOutVersion(
  platform: Platform,
  registry: EvaluationPorts['registry'],
  { workspace, model, version }: VersionKey,
  folder: string,
): Promise<string> {
  const files = await registry.versionFiles(platform.db, workspace, model, version)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const { path, digest } of files) {
    const target = join(folder, path)
    if (!target.startsWith(`${folder}/`))
      throw new Error(`The file "${path}" of ${model}/${version} lies outside of its folder.`)
    await mkdir(dirname(target), { recursive: true })
    await copyFile(platform.blobs.path(digest), target)
  }
  return folder
}
