import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { AnswerKind, Json, Runtime } from '@tidemark/contracts'
import { z } from 'zod'
import type { Frame } from '../runtimes/model.ts'
import { OnnxModel } from '../runtimes/onnx.ts'
import { compareAll, type RowAnswer } from './compare.ts'

const OnnxFields = Runtime.options[0].shape

/** What the evaluation asks, as JSON on standard input. */
const Question = z.object({
  modelFile: z.string(),
  inputs: OnnxFields.inputs,
  output: z.string(),
  shape: OnnxFields.shape,
  names: OnnxFields.names,
  kind: AnswerKind,
  /** Largest allowed absolute difference. */
  tolerance: z.number().min(0),
  /** Tensor with the probabilities behind labels. */
  scores: z.string().nullable(),
  columns: z.array(z.string()),
  rows: z.array(z.array(Json)),
  /** For each row the request that it came with: its rows are asked together. */
  requests: z.array(z.string()),
  /** What Python says of the rows. */
  expected: z.array(
    z.union([z.object({ value: Json, scores: z.array(z.number()).nullish() }), z.object({ error: z.string() })]),
  ),
})
type Question = z.infer<typeof Question>

/**
 * Runs a converted model by the gateway's own code and says how far it is from Python: a Verdict with `milliseconds` as one line of JSON on standard
 * output, or `{ok: false, error}` when it does not run. In a process of its own, because a model that breaks the runtime breaks the process.
 */
async function main(): Promise<void> {
  const question = Question.parse(JSON.parse(await text(process.stdin)))
  try {
    const { kind, tolerance, scores } = question
    const model = await OnnxModel.load(await readFile(question.modelFile), {
      ...question,
      check: { kind, tolerance, scores },
    })
    const start = performance.now()
    const got = await answersOf(model, question)
    const milliseconds = performance.now() - start
    print({ ...compareAll(kind, tolerance, question.expected, got), milliseconds })
  } catch (error) {
    print({ ok: false, error: error instanceof Error ? error.message : String(error) })
  }
}

/** The rows of each request at once that Python answers, as they are served; then each that it refuses, since its fault is its own. */
async function answersOf(model: OnnxModel, question: Question): Promise<RowAnswer[]> {
  const { inputs, columns, rows, requests, expected } = question
  const kind = inputs.some(({ shape }) => shape !== undefined) ? 'tensors' : 'table'
  const answers: RowAnswer[] = rows.map(() => ({ error: 'not asked' }))
  const ask = async (places: readonly number[], company: readonly number[] = []) => {
    const frame: Frame = { kind, columns, rows: [...places, ...company].map((place) => rows[place] ?? []) }
    const { values } = await model.predict(frame)
    const scores = await model.scores(frame)
    for (const [nth, place] of places.entries())
      answers[place] = { value: values[nth] ?? null, scores: scores?.[nth] ?? null }
  }
  for (const request of new Set(requests)) {
    const own = rows.flatMap((_, place) => (requests[place] === request ? [place] : []))
    const answered = own.filter((place) => 'value' in (expected[place] ?? {}))
    // With a row that lacks nothing a missing text is still one among others.
    const company = answered.filter((place) => rows[place]?.every((cell) => cell !== null)).slice(0, 1)
    const singly = async (place: number) => {
      await ask([place], company).catch((error: unknown) => {
        answers[place] = { error: error instanceof Error ? error.message : String(error) }
      })
    }
    await ask(answered).catch(async () => {
      for (const place of answered) await singly(place)
    })
    for (const place of own) if (!answered.includes(place)) await singly(place)
  }
  return answers
}

function print(verdict: object): void {
  process.stdout.write(`${JSON.stringify(verdict)}\n`)
}

await main()
