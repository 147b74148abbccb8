import { fileURLToPath } from 'node:url'
import type { Command } from '../command.ts'
import { type PlatformSettings, readSettings, settingsHelp } from '../settings.ts'
import { stopOnSignals } from '../up/signals.ts'
import { up } from '../up/up.ts'
import { ensureWeb } from '../web-build.ts'

const help = `usage: tidemark up [flags]

Starts the platform and keeps it running: PostgreSQL, the server (API and UI) and the gateway.
Ctrl-C stops all of it; a second Ctrl-C at once.

${settingsHelp()}

Each setting may also stand in the environment [as named above] or in tidemark.config.json, in the data folder or here:
{ "port": 5000, "gatewayPort": 5001, … }. A flag wins over the environment, and that over the files.`

async function run(args: string[]): Promise<number> {
  const settings = readSettings('up', args)
  await ensureWeb(fileURLToPath(new URL('../../../../', import.meta.url)))
  const signals = stopOnSignals()
  const platform = await up(settings, { giveUp: signals.giveUp, onAdminToken: showAdminToken }).catch(
    (error: unknown) => {
      if (signals.giveUp.aborted) return undefined
      throw error
    },
  )
  if (!platform) return 1
  signals.attach(platform)
  console.log(
    `Tidemark is ready at ${platform.url} (gateway ${platform.gatewayUrl}) after ${(platform.startedInMs / 1000).toFixed(1)} s; data in ${platform.dataDir}`,
  )
  for (const warning of warningsOf(settings)) console.warn(warning)
  await platform.wait()
  return 0
}

/** Nothing else writes it down: whoever reads the logs later must not find it. */
function showAdminToken(token: string): void {
  console.log(`
Nobody can manage this platform yet. This token of its first admin is shown once and holds for 7 days:

  export TIDEMARK_TOKEN=${token}

Make yourself an account with it: tidemark users add NAME --admin
`)
}

/** What somebody must know who did not type the flag. */
function warningsOf(settings: PlatformSettings): string[] {
  return [
    ...(settings.devReset
      ? ['WARNING: --dev-reset is on. Whoever can reach this port can erase everything by POST /__reset.']
      : []),
    ...(settings.devLoopbackWebhooks
      ? ['WARNING: --dev-loopback-webhooks is on. Webhooks may call services of this machine.']
      : []),
  ]
}

export default { help, run } satisfies Command
