import { type JsonValue, LimitsPolicy } from '@tidemark/contracts'
import type { Model, Predictions } from '../runtimes/model.ts'
import { readInput } from '../scoring/input.ts'
import type { NoAnswer, ReplayJob, RowAnswer } from './job.ts'
import type { LoggedRequest, LoggedRow } from './requests.ts'

/** More than any gateway lets a request have. */
const LIMITS = LimitsPolicy.parse({ rows: 100_000 })

/** Asks a version what a caller asked then: the same rows in one request, by the gateway's own checks. */
export class Asking {
  private readonly model: Model
  private readonly job: Pick<ReplayJob, 'columns' | 'input'>
  private readonly needed: ReadonlySet<string> | null

  constructor(model: Model, job: Pick<ReplayJob, 'columns' | 'input'>) {
    this.model = model
    this.job = job
    this.needed = neededBy(job)
  }

  /** @param timed whether it is asked alone, so that the time it takes is the model's */
  async ask(request: LoggedRequest, timed: boolean): Promise<RowAnswer[]> {
    const asked = request.rows.filter((row) => !row.twice && !row.erased)
    const hidden = Object.keys(request.redacted).find((column) => this.needed?.has(column) ?? true)
    if (hidden !== undefined)
      return all(request, 'redacted', `Its column "${hidden}" is not in the log as it was sent.`)
    if (request.whole) return all(request, 'whole', null)
    if (asked.length === 0) return all(request, 'erased', null)
    let frame: ReturnType<typeof readInput>['frame']
    try {
      frame = readInput(bodyOf(request, asked), { ...this.job, limits: LIMITS }).frame
    } catch (error) {
      return all(request, 'refused', wordsOf(error))
    }
    const start = performance.now()
    let said: Predictions
    try {
      said = await this.model.predict(frame)
    } catch (error) {
      return all(request, 'failed', wordsOf(error))
    }
    const milliseconds = timed ? performance.now() - start : null
    if (said.form === 'whole' || said.values.length !== asked.length)
      return all(request, 'failed', `It gave ${said.values.length} answers for ${asked.length} rows.`)
    const answers = new Map(asked.map(({ row }, place): [number, JsonValue] => [row, said.values[place] ?? null]))
    return request.rows.map((row, place) => {
      const missing: NoAnswer | null = row.twice ? 'twice' : row.erased ? 'erased' : null
      const answer = missing === null ? JSON.stringify(answers.get(row.row) ?? null) : null
      const first = place === 0 ? milliseconds : null
      return { id: request.id, row: row.row, answer, missing, problem: null, milliseconds: first }
    })
  }
}

/** Columns that a model is given; null: whatever there is. */
function neededBy({ input, columns }: Pick<ReplayJob, 'columns' | 'input'>): ReadonlySet<string> | null {
  switch (input.kind) {
    case 'columns':
      return new Set(columns.map(({ name }) => name))
    case 'tensors':
      return new Set(input.tensors.map(({ name }) => name))
    case 'any':
      return null
  }
}

function bodyOf({ columns, params, tensors }: LoggedRequest, rows: readonly LoggedRow[]): Record<string, unknown> {
  const more = params === undefined ? {} : { params }
  if (!tensors) return { dataframe_split: { columns, data: rows.map(({ cells }) => [...cells]) }, ...more }
  const lists = columns.map((name, place): [string, JsonValue[]] => [
    name,
    rows.map(({ cells }) => cells[place] ?? null),
  ])
  const [only] = lists
  return { inputs: lists.length === 1 && only?.[0] === '' ? only[1] : Object.fromEntries(lists), ...more }
}

function all({ id, rows }: LoggedRequest, missing: NoAnswer, problem: string | null): RowAnswer[] {
  return rows.map(({ row, twice, erased }) => ({
    id,
    row,
    answer: null,
    missing: twice ? 'twice' : erased ? 'erased' : missing,
    problem,
    milliseconds: null,
  }))
}

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).slice(0, 500)
