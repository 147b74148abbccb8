import { type JsonValue, noneHas } from '@tidemark/contracts'
import type { ModelAnswer, ModelQuestion } from './protocol.ts'

/**
 * What goes between a served model and the platform: frames of a header and blocks, `[u32 header bytes][u32 block bytes][header][blocks]`, little
 * endian. The header is JSON; columns of numbers lie in the blocks as float64, one after the other, because a thousand rows of JSON take a model's
 * process longer to parse than to predict (python/worker/tidemark_worker/frames.py).
 */
const PREFIX_BYTES = 8
/** Larger than any answer: what claims more is not waited for. */
const MOST_BYTES = 2 ** 30
const NUMBER_BYTES = 8

/** A column of a group: a block of numbers, the shape of a row's part after its rows; or plain JSON. */
type Column =
  | { readonly at: number; readonly shape: readonly number[]; readonly whole: boolean }
  | { readonly json: readonly JsonValue[] }

/** Questions that one call of the model can answer: their rows lie one after the other. */
interface Group {
  readonly places: number[]
  readonly questions: ModelQuestion[]
}

/** A batch of questions as one frame, and how to read its answer. */
export interface Batch {
  readonly frame: Buffer
  /** One answer for each question, in their order. @throws Error when the frame does not answer this batch */
  answersOf(header: Buffer, blocks: Buffer): ModelAnswer[]
}

/** Packs questions: those of the same columns and parameters share a group, unless one has texts in a column where the other has nothing. */
export function packBatch(questions: readonly ModelQuestion[]): Batch {
  const groups: Group[] = []
  questions.forEach((question, place) => {
    const group = groups.find(({ questions: [first] }) => first !== undefined && goTogether(first, question))
    if (group) {
      group.places.push(place)
      group.questions.push(question)
    } else groups.push({ places: [place], questions: [question] })
  })
  const blocks = new Blocks()
  const header = groups.map(({ questions: own }) => {
    const [first] = own
    const rows = own.length === 1 && first ? first.rows : own.flatMap((question) => question.rows)
    return {
      kind: first?.kind,
      columns: first?.columns,
      params: first?.params ?? null,
      counts: own.map((question) => question.rows.length),
      cells: (first?.columns ?? []).map((_, place) => packColumn(rows, place, blocks)),
    }
  })
  return {
    frame: frameOf({ groups: header }, blocks.bytes()),
    answersOf: (head, body) => unpackAnswers(groups, questions.length, head, body),
  }
}

function goTogether(a: ModelQuestion, b: ModelQuestion): boolean {
  return (
    a.kind === b.kind &&
    (a.columns === b.columns ||
      (a.columns.length === b.columns.length && a.columns.every((column, place) => column === b.columns[place]))) &&
    (a.params === b.params || JSON.stringify(a.params) === JSON.stringify(b.params)) &&
    // A text that no row of a request has is another thing to the model than one that another row has: company would change it.
    !a.columns.some((_, place) =>
      hasText(a.rows, place) ? noneHas(b.rows, place) : hasText(b.rows, place) && noneHas(a.rows, place),
    )
  )
}

function hasText(rows: ModelQuestion['rows'], place: number): boolean {
  for (const row of rows) if (row[place] != null) return typeof row[place] === 'string'
  return false
}

/** Blocks of float64 that grow. */
class Blocks {
  private numbers = new Float64Array(256)
  private used = 0

  get at(): number {
    return this.used
  }

  push(value: number): void {
    if (this.used === this.numbers.length) {
      const larger = new Float64Array(this.used * 2)
      larger.set(this.numbers)
      this.numbers = larger
    }
    this.numbers[this.used++] = value
  }

  /** Takes back what was pushed since. */
  back(at: number): void {
    this.used = at
  }

  bytes(): Buffer {
    return Buffer.from(this.numbers.buffer, 0, this.used * NUMBER_BYTES)
  }
}

function packColumn(rows: ModelQuestion['rows'], place: number, blocks: Blocks): Column {
  const at = blocks.at
  const shape = shapeOf(rows[0]?.[place])
  let whole = true
  let numbers = false
  const push = (value: JsonValue | undefined, depth: number): boolean => {
    const size = shape[depth]
    if (size !== undefined) {
      return Array.isArray(value) && value.length === size && value.every((item) => push(item, depth + 1))
    }
    if (typeof value === 'number') {
      numbers = true
      whole &&= Number.isSafeInteger(value)
      blocks.push(value)
      return true
    }
    whole = false
    if (value !== null) return false
    blocks.push(Number.NaN)
    return true
  }
  for (const row of rows) {
    if (!push(row[place], 0)) {
      blocks.back(at)
      return { json: rows.map((each) => each[place] ?? null) }
    }
  }
  // Nothing but missing values: of what type they are is for the model's signature to say.
  if (!numbers) {
    blocks.back(at)
    return { json: rows.map((each) => each[place] ?? null) }
  }
  return { at, shape, whole }
}

function shapeOf(value: JsonValue | undefined): number[] {
  const shape: number[] = []
  for (let part = value; Array.isArray(part); part = part[0]) shape.push(part.length)
  return shape
}

/** @returns the frame of a header and blocks */
export function frameOf(header: unknown, blocks: Buffer): Buffer {
  const head = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  prefix.writeUInt32LE(head.length, 0)
  prefix.writeUInt32LE(blocks.length, 4)
  return Buffer.concat([prefix, head, blocks])
}

/** An answer of the model to `for` questions of a group, one after the other. */
type Answer =
  | { readonly for: number; readonly form: 'rows' | 'names' | 'whole'; readonly values: readonly JsonValue[] }
  | { readonly for: number; readonly form: 'rows'; readonly at: number; readonly shape: readonly number[] }
  | { readonly for: number; readonly error: string; readonly refused: boolean }

function unpackAnswers(groups: readonly Group[], total: number, header: Buffer, blocks: Buffer): ModelAnswer[] {
  const { groups: answered } = JSON.parse(header.toString('utf8')) as { groups: readonly (readonly Answer[])[] }
  const numbers = new Float64Array(
    blocks.buffer.slice(blocks.byteOffset, blocks.byteOffset + blocks.length - (blocks.length % NUMBER_BYTES)),
  )
  const answers = new Array<ModelAnswer>(total)
  groups.forEach(({ places, questions }, index) => {
    let next = 0
    for (const answer of answered[index] ?? []) {
      const own = questions.slice(next, next + answer.for)
      split(answer, own, numbers).forEach((one, offset) => {
        const place = places[next + offset]
        if (place !== undefined) answers[place] = one
      })
      next += answer.for
    }
    if (next !== questions.length) throw new Error(`${next} of ${questions.length} questions were answered.`)
  })
  return answers
}

function split(answer: Answer, questions: readonly ModelQuestion[], numbers: Float64Array): ModelAnswer[] {
  if ('error' in answer) return questions.map(() => ({ error: answer.error, refused: answer.refused }))
  const values = 'at' in answer ? valuesOf(numbers, answer.at, answer.shape) : answer.values
  if (questions.length === 1) return [{ form: answer.form, values }]
  let from = 0
  return questions.map(({ rows }) => {
    const own = values.slice(from, from + rows.length)
    from += rows.length
    return { form: answer.form, values: own }
  })
}

function valuesOf(numbers: Float64Array, at: number, shape: readonly number[]): JsonValue[] {
  const [rows = 0, ...rest] = shape
  const size = rest.reduce((product, dimension) => product * dimension, 1)
  if (rest.length === 0) return Array.from(numbers.subarray(at, at + rows))
  return Array.from({ length: rows }, (_, row) => valuesOf(numbers, at + row * size, rest))
}

/** Puts frames together from the pieces in which a socket delivers them. */
export class FrameReader {
  private pieces: Buffer[] = []
  private bytes = 0
  private needed = PREFIX_BYTES
  private readonly onFrame: (header: Buffer, blocks: Buffer) => void

  constructor(onFrame: (header: Buffer, blocks: Buffer) => void) {
    this.onFrame = onFrame
  }

  /** @throws Error for a frame that is too large to be one, and whatever its taker throws */
  push(piece: Buffer): void {
    this.pieces.push(piece)
    this.bytes += piece.length
    while (this.bytes >= this.needed) {
      const [first = piece, ...more] = this.pieces
      const all = more.length === 0 ? first : Buffer.concat(this.pieces)
      const header = all.readUInt32LE(0)
      const size = PREFIX_BYTES + header + all.readUInt32LE(4)
      if (size > MOST_BYTES) throw new Error(`A frame of ${size} bytes is no answer.`)
      const whole = all.length >= size
      const rest = whole ? all.subarray(size) : all
      this.pieces = rest.length > 0 ? [rest] : []
      this.bytes = rest.length
      this.needed = whole ? PREFIX_BYTES : size
      if (whole)
        this.onFrame(all.subarray(PREFIX_BYTES, PREFIX_BYTES + header), all.subarray(PREFIX_BYTES + header, size))
    }
  }
}
