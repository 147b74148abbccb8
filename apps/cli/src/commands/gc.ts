import { parseArgs } from 'node:util'
import type { PurgeReport, SweepReport } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'

const command: Command = {
  help: `usage: tidemark gc [--older-than 30d [--experiment ID]] [--dry-run] [--grace SECONDS]

Deletes content of the blob store that nothing names any more: files of deleted runs, overwritten artifacts, uploads that were never recorded.
With --older-than it first deletes for good what was deleted that long ago: experiments, runs, logged models, registered models and
their versions. What a model version comes from stays.

  --older-than N   days since the deletion, as in 30d; 0d for all that is deleted
  --experiment ID  only this experiment, its runs and its logged models
  --dry-run        count only
  --grace SECONDS  leave alone content that was written less than this ago [3600]
${URL_HELP}`,

  async run(args) {
    const { values } = parseArgs({
      args,
      options: {
        ...URL_OPTION,
        'dry-run': { type: 'boolean' },
        grace: { type: 'string' },
        'older-than': { type: 'string' },
        experiment: { type: 'string' },
      },
    })
    const grace = values.grace === undefined ? undefined : Number(values.grace)
    if (grace !== undefined && !(grace >= 0)) throw cliError('USAGE', '--grace takes a number of seconds.', 'gc')
    const days = /^(\d{1,5}(?:\.\d+)?)d?$/.exec(values['older-than'] ?? '')?.[1]
    if (values['older-than'] !== undefined && days === undefined)
      throw cliError('USAGE', '--older-than takes a number of days, as in 30d.', 'gc')
    if (values.experiment !== undefined && days === undefined)
      throw cliError('USAGE', '--experiment needs --older-than.', 'gc')
    const { client } = connect(values.url)
    const dryRun = values['dry-run'] ?? false
    if (days !== undefined) {
      const asked = {
        olderThanDays: Number(days),
        dryRun,
        ...(values.experiment ? { experiment: values.experiment } : {}),
      }
      for (let complete = false; !complete; ) {
        const report = await client.retention.purge({ body: asked })
        console.log(purged(report))
        complete = report.complete
        if (report.sweep && grace === undefined) {
          console.log(swept(report.sweep))
          return 0
        }
      }
    }
    const body = { dryRun, ...(grace === undefined ? {} : { graceSeconds: grace }) }
    console.log(swept(await client.platform.sweepBlobs({ body })))
    return 0
  },
}
export default command

function purged(report: PurgeReport): string {
  const { experiments, runs, loggedModels, versions, models, files } = report
  const counts = `${experiments} experiments, ${runs} runs, ${loggedModels} logged models, ${versions} versions, ${models} registered models`
  const did = `${report.dryRun ? 'would delete' : 'deleted'} for good: ${counts}; ${files} files, ${megabytes(report.bytes)}`
  if (report.keptCount === 0) return did
  const kept = report.kept.slice(0, 10).map(({ kind, id, versions: of }) => `  ${kind} ${id}: ${of.join(', ')}`)
  return [`${did}`, `kept, because model versions come from them: ${report.keptCount}`, ...kept].join('\n')
}

function swept(report: SweepReport): string {
  const did =
    `${report.dryRun ? 'would delete' : 'deleted'} ${report.swept} of ${report.stored} blobs, ${megabytes(report.sweptBytes)}; ` +
    `${report.revoked} grants without an owner; ${report.young} too young`
  return report.busy > 0 ? `${did}\n${report.busy} were left for the next time: uploads or a backup left no gap` : did
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
