import { parseArgs } from 'node:util'
import { Role } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { readPassword } from '../passwords.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark users list
       tidemark users add NAME [--role ROLE | --admin]
       tidemark users password NAME
       tidemark users admin NAME on|off
       tidemark users remove NAME
       tidemark users members
       tidemark users role NAME viewer|editor|owner|none

People who may sign in, and their roles in the workspace of TIDEMARK_WORKSPACE. Passwords are asked for, or read from standard input.

  --role ROLE  their role in this workspace
  --admin      an admin of the whole platform
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { ...URL_OPTION, role: { type: 'string' }, admin: { type: 'boolean' } },
      allowPositionals: true,
    })
    const [verb, given, third] = positionals
    const { identity } = connect(values.url).client
    const name = (): string => {
      if (given === undefined) throw cliError('USAGE', 'The name is missing.', 'users')
      return given
    }
    const role = (text: string | undefined) => {
      const parsed = Role.exclude(['admin']).safeParse(text)
      if (!parsed.success) throw cliError('USAGE', 'A role is viewer, editor or owner.', 'users')
      return parsed.data
    }
    const idOf = async (): Promise<string> => {
      const { people } = await identity.listPeople()
      const found = people.find((person) => person.name === name())
      if (!found) throw cliError('REFUSED', `Nobody here is "${name()}".`)
      return found.id
    }
    switch (verb) {
      case 'list': {
        const { people } = await identity.listPeople()
        const rows = people.map(({ name: person, admin, memberships, createdAt }) => [
          person,
          admin ? 'admin' : memberships.map((each) => `${each.role} of ${each.workspace}`).join(', ') || '–',
          createdAt.slice(0, 10),
        ])
        console.log(table([['NAME', 'ROLES', 'SINCE'], ...rows]))
        return 0
      }
      case 'add': {
        const wanted = values.role === undefined ? undefined : role(values.role)
        const password = await readPassword(`Password for ${name()}, at least 12 characters: `)
        await identity.createPerson({ body: { name: name(), password, admin: values.admin ?? false } })
        if (wanted) await identity.setMember({ params: { name: name() }, body: { role: wanted } })
        console.log(`${name()} may sign in${values.admin ? ' as an admin' : wanted ? ` as ${wanted}` : ''}.`)
        return 0
      }
      case 'password': {
        const password = await readPassword(`New password for ${name()}, at least 12 characters: `)
        await identity.setPerson({ params: { person: await idOf() }, body: { password } })
        console.log(`The password of ${name()} is changed; their sessions have ended.`)
        return 0
      }
      case 'admin': {
        if (third !== 'on' && third !== 'off') throw cliError('USAGE', 'Say "on" or "off".', 'users')
        await identity.setPerson({ params: { person: await idOf() }, body: { admin: third === 'on' } })
        console.log(`${name()} is ${third === 'on' ? 'an' : 'no'} admin of the platform.`)
        return 0
      }
      case 'remove':
        await identity.removePerson({ params: { person: await idOf() } })
        console.log(`${name()} is removed.`)
        return 0
      case 'members': {
        const { members } = await identity.listMembers()
        const rows = members.map((each) => [each.name, each.role, each.since.slice(0, 10)])
        console.log(table([['NAME', 'ROLE', 'SINCE'], ...rows]))
        return 0
      }
      case 'role': {
        if (third === 'none') await identity.removeMember({ params: { name: name() } })
        else await identity.setMember({ params: { name: name() }, body: { role: role(third) } })
        console.log(`${name()} has ${third === 'none' ? 'no role' : `the role ${third}`} in this workspace.`)
        return 0
      }
      default:
        throw cliError('USAGE', 'Say "list", "add", "password", "admin", "remove", "members" or "role".', 'users')
    }
  },
}
export default command
