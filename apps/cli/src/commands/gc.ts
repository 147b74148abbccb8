import { parseArgs } from 'node:util'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'

const command: Command = {
  help: `usage: tidemark gc [--dry-run] [--grace SECONDS]

Deletes content of the blob store that nothing names any more: files of deleted runs, overwritten artifacts, uploads that were never recorded.

  --dry-run        count only
  --grace SECONDS  leave alone what was written less than this ago [3600]
${URL_HELP}`,

  async run(args) {
    const { values } = parseArgs({
      args,
      options: { ...URL_OPTION, 'dry-run': { type: 'boolean' }, grace: { type: 'string' } },
    })
    const grace = values.grace === undefined ? undefined : Number(values.grace)
    if (grace !== undefined && !(grace >= 0)) throw cliError('USAGE', '--grace takes a number of seconds.', 'gc')
    const { client } = connect(values.url)
    const body = { dryRun: values['dry-run'] ?? false, ...(grace === undefined ? {} : { graceSeconds: grace }) }
    const report = await client.platform.sweepBlobs({ body })
    const megabytes = (report.sweptBytes / 1_000_000).toFixed(1)
    console.log(
      `${report.dryRun ? 'would delete' : 'deleted'} ${report.swept} of ${report.stored} blobs, ${megabytes} MB; ` +
        `${report.revoked} grants without an owner; ${report.young} too young`,
    )
    if (report.busy > 0) console.log(`${report.busy} were left for the next time: uploads left no gap`)
    return 0
  },
}
export default command
