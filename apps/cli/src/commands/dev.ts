import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { api, createClient } from '@tidemark/contracts'
import { ensureEnvironment } from '@tidemark/workers'
import type { Command } from '../command.ts'
import { reloadOnChange } from '../dev/reload.ts'
import { SCENARIOS } from '../dev/scenarios.ts'
import { cliError } from '../errors.ts'
import { readSettings, settingsHelp } from '../settings.ts'
import { requirePort } from '../up/ports.ts'
import { stopOnSignals } from '../up/signals.ts'
import { up } from '../up/up.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const UI_PORT = 5173

const help = `usage: tidemark dev [--seed NAME] [--ui-port N] [flags]

Runs the platform from source, for people who work on it: server and gateway start again when their sources change, the UI
reloads in the browser. State is kept in .local/dev (with a seed: .local/dev-NAME) unless --data says otherwise.

  --seed NAME   fill an empty platform with something to look at:
${Object.entries(SCENARIOS)
  .map(([name, { summary }]) => `                  ${name}: ${summary}`)
  .join('\n')}
  --ui-port N   port of the UI with reload (default ${UI_PORT})
${settingsHelp()}`

async function run(args: string[]): Promise<number> {
  const { values, rest } = ownFlags(args)
  const scenario = values.seed === undefined ? undefined : SCENARIOS[values.seed]
  if (values.seed !== undefined && !scenario)
    throw cliError('USAGE', `--seed ${values.seed} is not among ${Object.keys(SCENARIOS).join(', ')}.`, 'dev')
  const uiPort = Number(values['ui-port'] ?? UI_PORT)
  const settings = readSettings('dev', rest, {
    dataDir: values.seed === undefined ? '.local/dev' : `.local/dev-${values.seed}`,
  })
  await requirePort(settings.host, uiPort, '--ui-port')
  const signals = stopOnSignals()
  const platform = await up(settings, { giveUp: signals.giveUp }).catch((error: unknown) => {
    if (signals.giveUp.aborted) return undefined
    throw error
  })
  if (!platform) return 1
  signals.attach(platform)
  const ui = startUi(platform.url, uiPort)
  console.log(`UI with reload: http://127.0.0.1:${uiPort} · API: ${platform.url} · gateway: ${platform.gatewayUrl}`)
  let stopReloading: (() => void) | undefined
  try {
    if (scenario) await fill(scenario, platform)
    // Only now: a restart in the middle of the seeding would end it.
    stopReloading = reloadOnChange(root, platform, console.log)
    await platform.wait()
  } finally {
    stopReloading?.()
    ui.kill()
  }
  return 0
}

/** Takes this command's own flags out; the others are the platform's. */
function ownFlags(args: string[]) {
  const options = { seed: { type: 'string' }, 'ui-port': { type: 'string' } } as const
  const { values, tokens } = parseArgs({ args, options, strict: false, tokens: true })
  const own = new Set<number>()
  for (const token of tokens) {
    if (token.kind !== 'option' || !Object.hasOwn(options, token.name)) continue
    own.add(token.index)
    if (token.value !== undefined && !token.inlineValue) own.add(token.index + 1)
  }
  const text = (value: string | boolean | undefined) => (typeof value === 'string' ? value : undefined)
  return {
    values: { seed: text(values.seed), 'ui-port': text(values['ui-port']) },
    rest: args.filter((_, index) => !own.has(index)),
  }
}

/** Vite's server, which passes the API on to the platform. */
function startUi(serverUrl: string, port: number) {
  const vite = fileURLToPath(new URL('node_modules/vite/bin/vite.js', `file://${root}`))
  return spawn(
    process.execPath,
    [vite, `${root}apps/web`, '--port', String(port), '--strictPort', '--clearScreen', 'false'],
    {
      env: { ...process.env, TIDEMARK_SERVER_URL: serverUrl },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
}

async function fill(
  scenario: (typeof SCENARIOS)[string],
  platform: { readonly url: string; readonly gatewayUrl: string },
): Promise<void> {
  const client = createClient(api, { baseUrl: platform.url })
  const { datasets } = await client.data.listDatasets()
  if (datasets.length > 0) {
    console.log('There is something here already: nothing is seeded.')
    return
  }
  await ensureEnvironment(`${root}python/locks/worker.txt`)
  const begun = performance.now()
  await scenario.fill({ client, url: platform.url, gatewayUrl: platform.gatewayUrl })
  console.log(`Seeded in ${((performance.now() - begun) / 1000).toFixed(0)} s.`)
}

export default { help, run } satisfies Command
