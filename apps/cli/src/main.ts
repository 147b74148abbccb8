import type { Command } from './command.ts'
import { CliError, cliError } from './errors.ts'

/** Every command, each loaded when called: `tidemark up` must not pay for the others. */
const COMMANDS: Record<string, { summary: string; load: () => Promise<{ default: Command }> }> = {
  setup: { summary: 'make ahead what is made on first need', load: () => import('./commands/setup.ts') },
  up: { summary: 'start the platform', load: () => import('./commands/up.ts') },
  gateway: { summary: 'start one more gateway beside it', load: () => import('./commands/gateway.ts') },
  demo: {
    summary: "take a film site's model round its whole life",
    load: () => import('./commands/demo.ts'),
  },
  dev: {
    summary: 'run the platform from source, with reload and something to look at',
    load: () => import('./commands/dev.ts'),
  },
  doctor: {
    summary: 'check what the platform needs, and say what is missing',
    load: () => import('./commands/doctor.ts'),
  },
  datasets: { summary: 'declare datasets, append rows, look at them', load: () => import('./commands/datasets.ts') },
  labels: { summary: 'give true values, look at them', load: () => import('./commands/labels.ts') },
  predictions: {
    summary: 'the prediction log: list, export, erase',
    load: () => import('./commands/predictions.ts'),
  },
  batch: { summary: 'predict whole datasets and files', load: () => import('./commands/batch.ts') },
  monitoring: {
    summary: 'windows, faults, realised loss, decisions to retrain',
    load: () => import('./commands/monitoring.ts'),
  },
  endpoints: { summary: 'declare endpoints, look at them', load: () => import('./commands/endpoints.ts') },
  aliases: {
    summary: 'where an alias of a model points, pointed, and by whom',
    load: () => import('./commands/aliases.ts'),
  },
  models: {
    summary: 'where a version runs and why, what its columns are worth',
    load: () => import('./commands/models.ts'),
  },
  gates: { summary: "run a version's gates, show them, waive them", load: () => import('./commands/gates.ts') },
  replay: {
    summary: 'ask a version again what an endpoint was asked, and compare',
    load: () => import('./commands/replay.ts'),
  },
  rollouts: { summary: 'show rollouts, overrule them', load: () => import('./commands/rollouts.ts') },
  why: { summary: 'why did this happen: the chain of causes of anything', load: () => import('./commands/why.ts') },
  gc: { summary: 'delete content that nothing names any more', load: () => import('./commands/gc.ts') },
  webhooks: { summary: 'who is told of what, and how that went', load: () => import('./commands/webhooks.ts') },
  import: { summary: 'bring the content of an MLflow over', load: () => import('./commands/import.ts') },
  pipelines: { summary: 'register pipelines and run them', load: () => import('./commands/pipelines.ts') },
  login: { summary: 'a token for this terminal, for a name and a password', load: () => import('./commands/login.ts') },
  users: { summary: 'who may sign in, and with which role', load: () => import('./commands/users.ts') },
  tokens: { summary: 'tokens for programs: make, list, revoke', load: () => import('./commands/tokens.ts') },
  workspaces: { summary: 'list and make workspaces', load: () => import('./commands/workspaces.ts') },
  backup: {
    summary: 'copy the whole platform to a folder, while it works',
    load: () => import('./commands/backup.ts'),
  },
  restore: { summary: 'bring a backup into an empty folder', load: () => import('./commands/restore.ts') },
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return `usage: tidemark COMMAND [flags]\n\n${lines.join('\n')}\n\n"tidemark COMMAND --help" explains one.`
}

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(overview())
    return name === undefined ? 1 : 0
  }
  const known = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!known) throw cliError('UNKNOWN_COMMAND', name, Object.keys(COMMANDS).join(', '))
  const { default: command } = await known.load()
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.help)
    return 0
  }
  return command.run(args)
}

/** Errors with a code of ours say what to do; anything else is a fault of the program, and its stack helps to find it. */
function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  // By name: the classes live in packages that only some commands load.
  if (error.name === 'TidemarkError') return `tidemark: ${cliError('REFUSED', error.message).message}`
  return error instanceof CliError || error.name === 'PostgresError' ? `tidemark: ${error.message}` : error
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(told(error))
  process.exitCode = 1
}
