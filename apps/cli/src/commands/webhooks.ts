import { parseArgs } from 'node:util'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark webhooks
       tidemark webhooks deliveries WEBHOOK

Lists webhooks, and what one of them was told and how that went. They are made and changed by MLflow's client.

${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({ args, options: URL_OPTION, allowPositionals: true })
    const [verb, webhook] = positionals
    const { client } = connect(values.url)
    if (verb === undefined) {
      const { webhooks } = await client.webhooks.list({})
      const rows = webhooks.map((w) => [w.id, w.name, w.active ? 'on' : 'off', w.url, w.events.join(' ')])
      console.log(rows.length === 0 ? 'No webhooks.' : table([['webhook', 'name', '', 'url', 'events'], ...rows]))
      return 0
    }
    if (verb !== 'deliveries' || webhook === undefined) {
      throw cliError('USAGE', 'Say "deliveries" and the id of a webhook.', 'webhooks')
    }
    const { deliveries } = await client.webhooks.deliveries({ params: { webhook }, query: {} })
    const rows = deliveries.map((d) => [
      d.createdAt,
      d.event,
      d.state,
      String(d.attempts),
      d.problem ?? (d.status === null ? '' : String(d.status)),
    ])
    console.log(
      rows.length === 0 ? 'Nothing was told yet.' : table([['at', 'event', 'state', 'tries', 'how'], ...rows]),
    )
    return 0
  },
}

export default command
