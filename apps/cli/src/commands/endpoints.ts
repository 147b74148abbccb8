import { parseArgs } from 'node:util'
import type { EndpointView } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { readEndpointFile } from '../endpoints/file.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const POLL_MILLISECONDS = 300

const command: Command = {
  help: `usage: tidemark endpoints apply FILE [--version N]
       tidemark endpoints list
       tidemark endpoints show NAME

Declares endpoints. "apply" creates the endpoint that FILE declares (as examples/films/endpoint.yaml does) with its first
version and waits until it serves; for one that exists it changes the policy, and versions come by rollouts.

  --version N  the first version, when FILE names none
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { ...URL_OPTION, version: { type: 'string' } },
      allowPositionals: true,
    })
    const [verb, named] = positionals
    const { client } = connect(values.url)
    const needed = (what: string): string => {
      if (named === undefined) throw cliError('USAGE', `${what} is missing.`, 'endpoints')
      return named
    }
    switch (verb) {
      case 'apply': {
        const { name, version: inFile, ...declared } = readEndpointFile(needed('The file'))
        const version = values.version === undefined ? inFile : numberOf(values.version)
        const params = { endpoint: name }
        let endpoint = await client.deployments.putEndpoint({
          params,
          body: version === undefined ? declared : { ...declared, version },
        })
        while (endpoint.state === 'preparing') {
          await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS))
          endpoint = await client.deployments.getEndpoint({ params })
        }
        console.log(shown(endpoint))
        return endpoint.state === 'serving' ? 0 : 1
      }
      case 'list': {
        const { endpoints } = await client.deployments.listEndpoints()
        const rows = endpoints.map((each) => [
          each.name,
          each.champion,
          each.state,
          each.runtime ?? '',
          rolloutOf(each),
        ])
        console.log(table([['NAME', 'CHAMPION', 'STATE', 'RUNTIME', 'ROLLOUT'], ...rows]))
        return 0
      }
      case 'show':
        console.log(shown(await client.deployments.getEndpoint({ params: { endpoint: needed('The name') } })))
        return 0
      default:
        throw cliError('USAGE', 'Say "apply", "list" or "show".', 'endpoints')
    }
  },
}
export default command

function numberOf(text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw cliError('USAGE', `--version ${text} is not the number of a version.`, 'endpoints')
  return Number(text)
}

function rolloutOf({ rollout, queuedRollouts }: EndpointView): string {
  const waiting = queuedRollouts > 0 ? `, ${queuedRollouts} waiting` : ''
  return rollout ? `${rollout.model}/${rollout.version} in ${rollout.state.kind}${waiting}` : `none${waiting}`
}

function shown(endpoint: EndpointView): string {
  const { name, champion, state, problem, runtime, url } = endpoint
  return [
    `${name}: ${champion} ${state}${runtime ? ` on ${runtime}` : ''}${problem ? `: ${problem}` : ''}`,
    `  ${url}`,
    `  rollout: ${rolloutOf(endpoint)}`,
  ].join('\n')
}
