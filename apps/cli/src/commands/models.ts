import { parseArgs } from 'node:util'
import { parseModelVersionRef, type VersionRuntime } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark models runtime MODEL/VERSION

Where a version runs and why: what its conversion to ONNX was compared on, by how much it differs from Python, and on which rows
it differs most.

${URL_HELP}`,

  async run(args) {
    const { values, positionals } = parseArgs({ args, options: URL_OPTION, allowPositionals: true })
    const [verb, ref] = positionals
    const { client } = connect(values.url)
    switch (verb) {
      case 'runtime':
        console.log(describe(await client.runtimes.getVersionRuntime({ params: versionOf(ref) })))
        return 0
      default:
        throw cliError('USAGE', 'Say "runtime".', 'models')
    }
  },
}
export default command

function describe(found: VersionRuntime): string {
  const { model, version, preparation, problem, verdict, switched } = found
  const name = `${model}/${version}`
  if (!verdict) {
    if (preparation === 'waiting') return `${name} is being prepared: its runtime is not decided yet.`
    if (preparation === 'failed') return `${name} could not be prepared: ${problem}`
    return `The runtime of ${name} is not decided: an endpoint that needs it decides it, or an input example that it is logged with.`
  }
  const rows = verdict.worst.map((row) => [
    row.kind,
    JSON.stringify(row.expected),
    JSON.stringify(row.got),
    row.difference === null ? '–' : row.difference.toExponential(1),
    JSON.stringify(row.row),
  ])
  return [
    `${name}: ${verdict.sentence}.`,
    ...(switched
      ? [`  since ${switched.at.slice(0, 19)} in Python: ${switched.sentence} (prediction ${switched.prediction})`]
      : []),
    `  compared ${verdict.compared ?? 'nothing'} on ${verdict.parityRows} rows, ${verdict.realRows} of them real; ${verdict.mismatches} differ, ${verdict.ties} exact ties`,
    `  model ${verdict.modelDigest ?? 'without files'}, ONNX ${verdict.onnxDigest ?? 'none'}`,
    ...(rows.length > 0 ? ['', table([['ROW OF', 'PYTHON', 'ONNX', 'DIFFERENCE', 'ROW'], ...rows])] : []),
  ].join('\n')
}

function versionOf(ref: string | undefined): { model: string; version: number } {
  try {
    return parseModelVersionRef(ref ?? '')
  } catch {
    throw cliError('USAGE', 'Name a model version, as in films/3.', 'models')
  }
}
