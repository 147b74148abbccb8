import { watch } from 'node:fs'
import { join } from 'node:path'
import type { Platform } from '../up/up.ts'

/** Source folders, and the parts of the platform that run them. */
const SOURCES = [
  { folder: 'apps/server/src', parts: ['server'] },
  { folder: 'apps/gateway/src', parts: ['gateway'] },
  { folder: 'packages', parts: ['server', 'gateway'] },
] as const

/** Several files are saved at once: one restart for all of them. */
const QUIET_MS = 250

/**
 * Ends a part when its sources changed; the supervisor starts it again, with the new ones.
 * @returns stops the watching
 */
export function reloadOnChange(root: string, platform: Platform, tell: (line: string) => void): () => void {
  const waiting = new Set<'server' | 'gateway'>()
  let timer: NodeJS.Timeout | undefined
  const restart = () => {
    const pids = platform.pids()
    for (const part of waiting) {
      const pid = pids[part]
      if (pid === undefined) continue
      tell(`${part}: sources changed, starting it again`)
      process.kill(pid, 'SIGTERM')
    }
    waiting.clear()
  }
  const watchers = SOURCES.map(({ folder, parts }) =>
    watch(join(root, folder), { recursive: true }, (_, file) => {
      if (!file || !/\.ts$/.test(file) || /\.test\.ts$|node_modules|(^|\/)dist\//.test(file)) return
      for (const part of parts) waiting.add(part)
      clearTimeout(timer)
      timer = setTimeout(restart, QUIET_MS)
    }),
  )
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}
