import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { ImportCount } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { type ArtifactReader, folderReader, serverReader } from '../import/artifacts.ts'
import { importAll } from '../import/import.ts'
import { reportText } from '../import/report.ts'
import type { Source } from '../import/source.ts'
import { databaseSource } from '../import/sources/database.ts'
import { mlflowHttp } from '../import/sources/http.ts'
import { openPostgres } from '../import/sources/postgres.ts'
import { restSource } from '../import/sources/rest.ts'
import { openSqlite } from '../import/sources/sqlite.ts'
import { importTarget } from '../import/target.ts'

/** Between two lines of progress. */
const PROGRESS_MS = 2_000

const command: Command = {
  help: `usage: tidemark import mlflow SOURCE [--artifacts DIR] [--workspace NAME] [--report FILE]

Brings experiments, runs with their whole history, logged models, registered models with versions and aliases, prompts and artifacts over
from an MLflow. What was interrupted goes on when called again; what is here already is left alone.

SOURCE is one of
  http://HOST:PORT                a running server; log in as MLflow's client does, by MLFLOW_TRACKING_USERNAME and
                                  MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN
  sqlite:PATH, sqlite:///PATH     the database file of a server
  postgresql://USER@HOST/DB       the database of a server (PGPASSWORD for its password)

  --artifacts DIR      read artifacts from this folder (a server's --artifacts-destination, or mlruns), never from elsewhere; needed with a
                       database. Files in object stores stay there, and their addresses are kept
  --no-artifacts       leave all files behind; import again without it to have them
  --workspace NAME     of the source (default: default)
  --report FILE        write the whole report as JSON
${URL_HELP}

Exits with 1 when anything reads differently here than at its source.`,

  async run(args) {
    const { values, positionals } = parse(args)
    const [kind, address] = positionals
    if (kind !== 'mlflow' || address === undefined) throw cliError('USAGE', 'Say "mlflow" and where it is.', 'import')
    const workspace = values.workspace ?? 'default'
    const { source, reader: own } = await openSource(address, workspace)
    const reader = values['no-artifacts'] ? null : values.artifacts ? folderReader(values.artifacts) : own
    try {
      const { client, url, headers } = connect(values.url)
      const started = await client.imports.startImport({ body: { source: source.name } })
      const way = started.resumed ? 'Going on with the unfinished import' : 'Importing'
      console.log(`${way} from ${source.name} into ${url}`)
      const target = importTarget(started.id, client.imports, { url, headers })
      const report = await importAll(source, reader, target, progress())
      console.log(reportText(report))
      if (!reader && !values['no-artifacts']) {
        console.log('No artifact files were read: give --artifacts DIR, the folder in which that server keeps them.')
      }
      if (values.report) writeFileSync(values.report, `${JSON.stringify(report, null, 2)}\n`)
      return report.mismatched.length === 0 ? 0 : 1
    } finally {
      await source.close()
    }
  },
}
export default command

function parse(args: string[]) {
  const text = { type: 'string' } as const
  const options = {
    ...URL_OPTION,
    artifacts: text,
    workspace: text,
    report: text,
    'no-artifacts': { type: 'boolean' },
  } as const
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw cliError('USAGE', error instanceof Error ? error.message : String(error), 'import')
  }
}

async function openSource(
  address: string,
  workspace: string,
): Promise<{ source: Source; reader: ArtifactReader | null }> {
  if (/^https?:\/\/./.test(address) && URL.canParse(address)) {
    const http = mlflowHttp(address, workspace, process.env)
    return { source: restSource(http, workspace), reader: serverReader(http) }
  }
  if (address.startsWith('sqlite:'))
    return { source: await databaseSource(openSqlite(address), workspace), reader: null }
  if (/^postgres(ql)?(\+\w+)?:\/\//.test(address)) {
    return { source: await databaseSource(await openPostgres(address), workspace), reader: null }
  }
  throw cliError('USAGE', 'The source begins with http://, https://, sqlite: or postgresql://.', 'import')
}

/** Says now and then how far it is. */
function progress(): (counts: readonly ImportCount[]) => void {
  let last = performance.now()
  return (counts) => {
    if (performance.now() - last < PROGRESS_MS) return
    last = performance.now()
    const shown = counts.filter(({ kind }) => kind === 'runs' || kind === 'metric points' || kind === 'artifact files')
    console.log(`  ${shown.map(({ kind, source }) => `${source} ${kind}`).join(', ')}`)
  }
}
