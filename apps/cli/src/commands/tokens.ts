import { parseArgs } from 'node:util'
import { PERMISSIONS, Role } from '@tidemark/contracts'
import { z } from 'zod'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark tokens list
       tidemark tokens create NAME --role ROLE [--endpoints LIST] [--permissions LIST] [--days N]
       tidemark tokens revoke ID

Tokens for programs, in the workspace of TIDEMARK_WORKSPACE. A token is shown once; the platform keeps only its hash.

  --role ROLE         viewer, editor or owner of this workspace; admin: of the whole platform
  --endpoints LIST    for predictions of these endpoints alone, as films,ratings
  --permissions LIST  only these of the role's, as registry.read,data.read
  --days N            days until it is void (default 90)
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: {
        ...URL_OPTION,
        role: { type: 'string' },
        permissions: { type: 'string' },
        endpoints: { type: 'string' },
        days: { type: 'string' },
      },
      allowPositionals: true,
    })
    const [verb, given] = positionals
    const { identity } = connect(values.url).client
    if (verb !== 'list' && given === undefined) throw cliError('USAGE', 'The name or id is missing.', 'tokens')
    switch (verb) {
      case 'list': {
        const { tokens } = await identity.listTokens()
        const rows = tokens.map((each) => [
          each.id,
          each.name,
          each.permissions ? `${each.role}, only ${each.permissions.join(' ')}` : each.role,
          each.state,
          each.expiresAt.slice(0, 10),
          each.lastUsedAt?.slice(0, 16) ?? 'never',
        ])
        console.log(table([['TOKEN', 'NAME', 'ROLE', 'STATE', 'EXPIRES', 'LAST USED'], ...rows]))
        return 0
      }
      case 'create': {
        const role = Role.safeParse(values.role)
        if (!role.success) throw cliError('USAGE', '--role is viewer, editor, owner or admin.', 'tokens')
        const permissions = z.array(z.enum(PERMISSIONS)).safeParse(values.permissions?.split(',') ?? [])
        if (!permissions.success) throw cliError('USAGE', `--permissions are of ${PERMISSIONS.join(', ')}.`, 'tokens')
        const { token, description } = await identity.createToken({
          body: {
            name: String(given),
            role: role.data,
            days: Number(values.days ?? 90),
            ...(values.endpoints === undefined ? {} : { endpoints: values.endpoints.split(',') }),
            ...(values.permissions === undefined ? {} : { permissions: permissions.data }),
          },
        })
        console.log(token)
        console.error(`Shown once. It holds until ${description.expiresAt.slice(0, 10)}.`)
        return 0
      }
      case 'revoke': {
        const { name } = await identity.revokeToken({ params: { token: String(given) } })
        console.log(`The token "${name}" is void.`)
        return 0
      }
      default:
        throw cliError('USAGE', 'Say "list", "create" or "revoke".', 'tokens')
    }
  },
}
export default command
