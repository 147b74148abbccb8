import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Cell, Runtime } from '@tidemark/contracts'
import { z } from 'zod'
import { OnnxModel } from '../runtimes/onnx.ts'
import { compare } from './compare.ts'

const OnnxFields = Runtime.options[0].shape

/** What the evaluation asks, as JSON on standard input. */
const Question = z.object({
  modelFile: z.string(),
  inputs: OnnxFields.inputs,
  output: z.string(),
  columns: z.array(z.string()),
  rows: z.array(z.array(Cell)),
  /** Python's predictions for the rows. */
  expected: z.array(z.number()),
  /** Largest allowed absolute difference. */
  tolerance: z.number().min(0),
})

/**
 * Runs a converted model by the gateway's own code and says how far it is from Python: `{ok, maxAbsoluteDifference, worst, milliseconds}` as one line of
 * JSON on standard output, or `{ok: false, error}` when it does not run. In a process of its own, because a model that breaks the runtime breaks the process.
 */
async function main(): Promise<void> {
  const question = Question.parse(JSON.parse(await text(process.stdin)))
  try {
    const model = await OnnxModel.load(await readFile(question.modelFile), question)
    const start = performance.now()
    const { values: got } = await model.predict({ kind: 'table', columns: question.columns, rows: question.rows })
    const milliseconds = performance.now() - start
    print({ ...compare(got, question.expected, question.tolerance), milliseconds })
  } catch (error) {
    print({ ok: false, error: error instanceof Error ? error.message : String(error) })
  }
}

function print(verdict: object): void {
  process.stdout.write(`${JSON.stringify(verdict)}\n`)
}

await main()
