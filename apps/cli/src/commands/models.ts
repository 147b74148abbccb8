import { parseArgs } from 'node:util'
import { parseModelVersionRef, type VersionRuntime } from '@tidemark/contracts'
import type { Command } from '../command.ts'
import { connect, URL_HELP, URL_OPTION } from '../connect.ts'
import { cliError } from '../errors.ts'
import { table } from '../table.ts'

const command: Command = {
  help: `usage: tidemark models runtime MODEL/VERSION
       tidemark models importance MODEL/VERSION
       tidemark models explain PREDICTION [--row N]

Where a version runs and why: what its conversion to ONNX was compared on, by how much it differs from Python, and on which rows
it differs most. How much its answers move with each column. What each column added to a prediction of the log, by its id.

  --row N  which of the request's rows, from 0

${URL_HELP}`,

  async run(args) {
    const options = { ...URL_OPTION, row: { type: 'string', default: '0' } } as const
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const [verb, ref] = positionals
    const { client } = connect(values.url)
    switch (verb) {
      case 'runtime':
        console.log(describe(await client.runtimes.getVersionRuntime({ params: versionOf(ref) })))
        return 0
      case 'importance': {
        const found = await client.explanations.getImportance({ params: versionOf(ref) })
        const rows = found.columns.map(({ column, importance, share }) => [
          column,
          importance.toPrecision(3),
          `${Math.round(share * 100)} %`,
        ])
        console.log(
          `Mean change of the ${found.of} when a column's values are exchanged, over ${found.rows} real rows:`,
        )
        console.log(table([['COLUMN', 'CHANGE', 'SHARE'], ...rows]))
        return 0
      }
      case 'explain': {
        if (!ref) throw cliError('USAGE', 'Name a prediction by its id.', 'models')
        const row = Number(values.row)
        if (!Number.isInteger(row) || row < 0) throw cliError('USAGE', '--row counts from 0.', 'models')
        const body = { row }
        const found = await client.explanations.explainPrediction({ params: { id: ref }, body })
        const what = found.output === null ? 'predicts' : `holds "${found.output}" probable by`
        console.log(
          `${found.version} ${what} ${found.prediction.toPrecision(5)}: ${found.base.toPrecision(5)} on average, and`,
        )
        const lines = found.contributions.map(({ column, value, contribution }) => [
          column,
          JSON.stringify(value),
          `${contribution < 0 ? '' : '+'}${contribution.toPrecision(3)}`,
        ])
        console.log(table([['COLUMN', 'VALUE', 'ADDS'], ...lines]))
        return 0
      }
      default:
        throw cliError('USAGE', 'Say "runtime", "importance" or "explain".', 'models')
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
