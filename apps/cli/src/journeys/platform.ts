import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api, createClient } from '@tidemark/contracts'
import { eraseDatabase } from '@tidemark/postgres'
import { freePort } from '@tidemark/process'
import type { Platform as Connection } from '../demo/context.ts'
import type { PlatformSettings } from '../settings.ts'
import { type Platform, up } from '../up/up.ts'

/** A platform on a folder of its own, and how one talks to it. */
export interface Site {
  readonly platform: Platform
  readonly connection: Connection
  /** Stops the platform and removes its folder. */
  end(): Promise<void>
}

/** Starts an empty platform on free ports and a new folder. */
export async function startPlatform(name: string, more: Partial<PlatformSettings> = {}): Promise<Site> {
  const dataDir = mkdtempSync(join(tmpdir(), `tidemark-${name}-`))
  // The database and the workers have users of their own and must pass through.
  chmodSync(dataDir, 0o711)
  const [port, gatewayPort] = [await freePort(), await freePort()]
  const platform = await up({ port, gatewayPort, host: '127.0.0.1', dataDir, logLevel: 'info', ...more })
  const { url, gatewayUrl } = platform
  return {
    platform,
    connection: { client: createClient(api, { baseUrl: url }), url, gatewayUrl },
    end: async () => {
      await platform.stop()
      eraseDatabase(join(dataDir, 'postgres'))
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
