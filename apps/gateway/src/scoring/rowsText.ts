import type { Frame } from '../runtimes/model.ts'

/** From this many characters on a text is not copied. */
const LONG = 32_768

/**
 * The rows of a frame as the caller wrote them: the text of `data` in a body that is `dataframe_split` with just the frame's columns. Writing a thousand
 * rows anew costs as much as reading them; of a long text the body's own bytes are given, which go to the log without a copy. Anything unusual
 * gives undefined, and the rows are written anew: a backslash (a key could hide behind an escape), a line break (a record is one line), a name that
 * occurs twice (the later key wins), another order of keys.
 * @param bytes the body; @param text the same as text; @param body what it was parsed to
 */
export function rowsTextOf(
  bytes: Uint8Array,
  text: string | undefined,
  body: unknown,
  frame: Frame,
): string | Uint8Array | undefined {
  if (text === undefined) return undefined
  const place = placeOfRows(text, body, frame)
  if (!place) return undefined
  const [from, to] = place
  // As many bytes as characters: all of them are ASCII, and lie at the same places.
  return to - from >= LONG && bytes.length === text.length ? bytes.subarray(from, to) : text.slice(from, to)
}

function placeOfRows(text: string, body: unknown, frame: Frame): readonly [from: number, to: number] | undefined {
  if (BREAKS.some((sign) => text.includes(sign))) return undefined
  const split = onlyValue(body, 'dataframe_split')
  if (!isRecord(split)) return undefined
  const keys = Object.keys(split)
  if (keys.at(-1) !== 'data' || keys.at(-2) !== 'columns' || keys.length > 2) return undefined
  const { columns } = split
  if (!Array.isArray(columns) || columns.length !== frame.columns.length) return undefined
  for (let place = 0; place < columns.length; place++) if (columns[place] !== frame.columns[place]) return undefined
  const at = text.indexOf('"data"')
  if (at < 0 || !onceEach(text.slice(0, at)) || namesAgain(text, at + 6)) return undefined
  const colon = START.exec(text.slice(at + 6, at + 6 + LONGEST_GAP))
  const tail = END.exec(text.slice(-LONGEST_GAP))
  if (!colon || !tail) return undefined
  return [at + 6 + colon[0].length - 1, text.length - tail[0].length + 1]
}

// One by one: a search for one sign is many times faster than for a class of them.
const BREAKS = ['\\', '\n', '\r']
const START = /^[ \t]*:[ \t]*\[/
const END = /\][ \t]*\}[ \t]*\}[ \t]*$/
/** Spaces that are looked through; who writes more is written anew. */
const LONGEST_GAP = 16

/** Whether the keys before the rows are there once. */
function onceEach(head: string): boolean {
  return ['"columns"', '"dataframe_split"'].every((word) => {
    const first = head.indexOf(word)
    return first >= 0 && head.indexOf(word, first + 1) < 0
  })
}

/** Whether a key could be there again among or behind the rows; rows of numbers have no quote to begin one. */
function namesAgain(text: string, from: number): boolean {
  if (text.indexOf('"', from) < 0) return false
  return ['"data"', '"columns"', '"dataframe_split"'].some((word) => text.indexOf(word, from) >= 0)
}

function onlyValue(body: unknown, key: string): unknown {
  if (!isRecord(body)) return undefined
  const keys = Object.keys(body)
  return keys.length === 1 && keys[0] === key ? body[key] : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
