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
  /** What the first start told; undefined without login. */
  readonly adminToken: string | undefined
  /** Stops the platform and removes its folder. */
  end(): Promise<void>
}

/** Starts an empty platform on free ports and a new folder; with login its connection speaks for the first admin. */
export async function startPlatform(name: string, more: Partial<PlatformSettings> = {}): Promise<Site> {
  const dataDir = mkdtempSync(join(tmpdir(), `tidemark-${name}-`))
  // The database and the workers have users of their own and must pass through.
  chmodSync(dataDir, 0o711)
  const [port, gatewayPort] = [await freePort(), await freePort()]
  let admin: string | undefined
  const settings = { port, gatewayPort, host: '127.0.0.1', dataDir, logLevel: 'info', ...more } as const
  const platform = await up(settings, {
    onAdminToken: (token) => {
      admin = token
    },
  })
  const { url, gatewayUrl } = platform
  return {
    platform,
    connection: {
      client: createClient(api, { baseUrl: url, headers: admin ? { authorization: `Bearer ${admin}` } : {} }),
      url,
      gatewayUrl,
    },
    adminToken: admin,
    end: async () => {
      await platform.stop()
      eraseDatabase(join(dataDir, 'postgres'))
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
