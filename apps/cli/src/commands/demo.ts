import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { api, createClient } from '@tidemark/contracts'
import { eraseDatabase } from '@tidemark/postgres'
import { ensureEnvironment } from '@tidemark/workers'
import type { Command } from '../command.ts'
import { runDemo } from '../demo/index.ts'
import { createStory } from '../demo/story.ts'
import { Traffic } from '../demo/traffic.ts'
import { readSettings, settingsHelp } from '../settings.ts'
import { stopOnSignals } from '../up/signals.ts'
import { up } from '../up/up.ts'
import { ensureWeb } from '../web-build.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

const command: Command = {
  help: `usage: tidemark demo [--exit] [flags]

Starts a platform on an emptied folder (default .local/demo) and takes a film site's model round its whole life: data,
training, gates, serving, rollout, monitoring, retraining, and why each happened. Leaves the UI running.

  --exit  end the platform when the loop has been shown
${settingsHelp()}`,

  async run(args) {
    const { values } = parseArgs({
      args,
      options: { exit: { type: 'boolean' } },
      strict: false,
      allowPositionals: true,
    })
    const settings = readSettings(
      'demo',
      args.filter((argument) => argument !== '--exit'),
      { dataDir: '.local/demo' },
    )
    const begun = performance.now()
    console.log(
      'Tidemark demo: a film site. Films, ratings, training, gates and every decision are real; what is simulated says so.',
    )
    // Emptied at each start, so that no step comes from a cache of the last.
    eraseDatabase(join(settings.dataDir, 'postgres'))
    rmSync(settings.dataDir, { recursive: true, force: true })
    await ensureWeb(root)
    await ensureEnvironment(`${root}python/locks/worker.txt`)
    const signals = stopOnSignals()
    const platform = await up(settings, { giveUp: signals.giveUp })
    signals.attach(platform)
    console.log(
      `Platform ready in ${(platform.startedInMs / 1000).toFixed(1)} s at ${platform.url}, gateway at ${platform.gatewayUrl}.`,
    )
    const traffic = new Traffic(platform.gatewayUrl)
    let failed = 1
    try {
      const client = createClient(api, { baseUrl: platform.url })
      const invariants = await runDemo({
        platform: { client, url: platform.url, gatewayUrl: platform.gatewayUrl },
        story: createStory(),
        traffic,
        folder: `${root}examples/films`,
        root,
      })
      console.log('\nWhat must hold:')
      for (const { text, holds } of invariants) console.log(`  ${holds ? '✓' : '✗'} ${text}`)
      failed = invariants.filter(({ holds }) => !holds).length
      console.log(
        `\n${failed === 0 ? 'All held' : `${failed} did not hold`}, in ${((performance.now() - begun) / 1000).toFixed(0)} s.`,
      )
    } catch (error) {
      console.error(`\nThe demo could not go on: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      traffic.close()
    }
    if (values.exit) await platform.stop()
    else console.log(`The UI is at ${platform.url}. Ctrl-C ends it.`)
    await platform.wait()
    return failed === 0 ? 0 : 1
  },
}
export default command
