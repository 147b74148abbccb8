import { parseArgs } from 'node:util'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark workspaces list
       tidemark workspaces create NAME [--description TEXT]

What is in one workspace is neither seen nor changed from another. TIDEMARK_WORKSPACE says in which one the commands act, MLFLOW_WORKSPACE
says it to MLflow's client.

  --description TEXT  what it is for
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { ...URL_OPTION, description: { type: 'string' } },
      allowPositionals: true,
    })
    const [verb, name] = positionals
    const { identity } = connect(values.url).client
    switch (verb) {
      case 'list': {
        const { workspaces } = await identity.listWorkspaces()
        const rows = workspaces.map((each) => [each.name, each.createdAt.slice(0, 10), each.description])
        console.log(table([['WORKSPACE', 'SINCE', 'DESCRIPTION'], ...rows]))
        return 0
      }
      case 'create': {
        if (name === undefined) throw cliError('USAGE', 'The name is missing.', 'workspaces')
        await identity.createWorkspace({ body: { name, description: values.description ?? '' } })
        console.log(`Workspace ${name} is there, with an experiment "Default" of its own.`)
        return 0
      }
      default:
        throw cliError('USAGE', 'Say "list" or "create".', 'workspaces')
    }
  },
}
export default command
