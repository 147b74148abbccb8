import { parseArgs } from 'node:util'
import type { EventRecord, Why } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { shownEvidence } from '../evidence.ts'

const command: Command = {
  help: `usage: tidemark why ID [--json]

Why did this happen? Prints the chain of causes, newest first: who did what, when, and with which numbers.
ID is an event, a rollout, a pipeline run, an evaluation, an approval, a window, a prediction, or a model version such as films/3.

  --json     the answer as the platform gives it
${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      options: { ...URL_OPTION, json: { type: 'boolean' } },
      allowPositionals: true,
    })
    const [id] = positionals
    if (id === undefined) throw cliError('USAGE', 'Say what to explain.', 'why')
    const { client, url } = connect(values.url)
    const why = await client.governance.why({ params: { id } })
    console.log(values.json ? JSON.stringify(why, null, 2) : explanation(why, url))
    return 0
  },
}
export default command

function explanation(why: Why, url: string): string {
  const { about, facts, chain } = why
  const width = Math.max(0, ...facts.map((fact) => fact.label.length))
  return [
    about.title,
    ...facts.map((fact) => `  ${fact.label.padEnd(width)}  ${fact.value}`),
    '',
    chain.length === 0 ? 'Nothing recorded led to it.' : 'Because of, newest first:',
    ...chain.map((event, index) => step(event, index === chain.length - 1)),
    '',
    `In the browser: ${url}/why/${encodeURIComponent(about.id)}`,
  ].join('\n')
}

/** One event of the thread: when, what and who, then its numbers. */
function step(event: EventRecord, last: boolean): string {
  const line = last ? ' ' : '│'
  const who = event.actor.kind === 'system' ? `policy (${event.actor.id})` : `${event.actor.id} (${event.actor.kind})`
  const numbers = shownEvidence(event.payload.evidence)
  return [
    `● ${event.sentence}`,
    `${line}   ${event.recordedAt.slice(0, 19).replace('T', ' ')} UTC, by ${who}, event ${event.id}`,
    ...numbers.map((text) => `${line}   ${text}`),
    ...(last ? [] : ['│']),
  ].join('\n')
}
