import { parseArgs } from 'node:util'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark aliases MODEL
       tidemark aliases MODEL ALIAS [--at TIME]

Shows where the aliases of a model point now; or the history of one, the newest change first; or where it pointed at an instant.

  --at TIME  an instant, as 2026-11-26T12:00:00Z
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { ...URL_OPTION, at: { type: 'string' } },
      allowPositionals: true,
    })
    const [model, alias] = positionals
    if (model === undefined) throw cliError('USAGE', 'Name a model.', 'aliases')
    const { client } = connect(values.url)
    if (alias === undefined) {
      const { aliases } = await client.registry.getModel({ params: { model } })
      console.log(
        table([['ALIAS', 'VERSION'], ...Object.entries(aliases).map(([name, version]) => [name, `${version}`])]),
      )
      return 0
    }
    if (values.at !== undefined) {
      const { version, since } = await client.registry.aliasAt({
        params: { model, alias },
        query: { at: instant(values.at) },
      })
      console.log(version === null ? 'none' : `${model}/${version} (since ${since})`)
      return version === null ? 1 : 0
    }
    const { changes } = await client.registry.aliasHistory({ params: { model, alias }, query: {} })
    const rows = changes.map(({ version, at, by }) => [
      at,
      version === null ? 'removed' : `${model}/${version}`,
      `${by.kind} ${by.id}`,
    ])
    console.log(table([['FROM', 'VERSION', 'BY'], ...rows]))
    return 0
  },
}
export default command

function instant(text: string): string {
  const time = new Date(text)
  if (Number.isNaN(time.getTime()))
    throw cliError('USAGE', '--at takes an instant, as 2026-11-26T12:00:00Z.', 'aliases')
  return time.toISOString()
}
