import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { api, createClient } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { readPassword } from '../passwords.ts'

const command: Command = {
  help: `usage: tidemark login NAME [--workspace NAME] [--days N]

Asks for the password and prints a token with your own role, as a line for the shell: eval "$(tidemark login ann)"
Nothing is stored. MLflow's client takes the same token as MLFLOW_TRACKING_TOKEN.

  --workspace NAME  where the token holds (default: default)
  --days N          days until it is void (default 7)
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { ...URL_OPTION, workspace: { type: 'string' }, days: { type: 'string' } },
      allowPositionals: true,
    })
    const [name] = positionals
    if (name === undefined) throw cliError('USAGE', 'The name is missing.', 'login')
    const { url } = connect(values.url)
    const password = await readPassword(`Password of ${name}: `)
    const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
    const client = createClient(api, { baseUrl: url, headers: { authorization } })
    const { token, description } = await client.identity.createOwnToken({
      body: {
        name: `terminal at ${hostname()}`.slice(0, 100),
        workspace: values.workspace ?? 'default',
        days: Number(values.days ?? 7),
      },
    })
    console.log(`export TIDEMARK_TOKEN=${token}\nexport MLFLOW_TRACKING_TOKEN=${token}`)
    console.error(
      `A token with the role ${description.role} in workspace ${description.workspace}, until ${description.expiresAt.slice(0, 10)}.`,
    )
    return 0
  },
}
export default command
