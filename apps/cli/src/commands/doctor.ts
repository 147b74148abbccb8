import type { Command } from '../command.ts'
import { examine } from '../doctor/checks.ts'
import { describe } from '../doctor/finding.ts'
import { readSettings, settingsHelp } from '../settings.ts'

const help = `usage: tidemark doctor [flags]

Checks what the platform would need with these settings, changes nothing, and says in each line what to do.
Exits with 1 when something needed is missing.

${settingsHelp()}`

async function run(args: string[]): Promise<number> {
  const findings = await examine(readSettings('doctor', args))
  for (const finding of findings) console.log(describe(finding))
  const count = findings.filter(({ kind }) => kind === 'missing').length
  console.log(
    count === 0 ? 'Nothing needed is missing.' : `${count} of ${findings.length} checks found something missing.`,
  )
  return count === 0 ? 0 : 1
}

export default { help, run } satisfies Command
