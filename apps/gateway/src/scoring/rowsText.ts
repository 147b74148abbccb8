import type { Frame } from '../runtimes/model.ts'

/**
 * The rows of a frame as the caller wrote them: the text of `data` in a body that is `dataframe_split` with just the frame's columns. Writing a thousand
 * rows anew costs as much as reading them. Anything unusual gives undefined, and the rows are written anew: a backslash (a key could hide behind an
 * escape), a line break (a record is one line), a name that occurs twice (the later key wins), another order of keys.
 * @param text the body; @param body what it was parsed to
 */
export function rowsTextOf(text: string | undefined, body: unknown, frame: Frame): string | undefined {
  if (text === undefined || BREAKS.test(text)) return undefined
  const split = onlyValue(body, 'dataframe_split')
  if (!isRecord(split)) return undefined
  const keys = Object.keys(split)
  if (keys.at(-1) !== 'data' || keys.at(-2) !== 'columns' || keys.length > 2) return undefined
  const { columns } = split
  if (!Array.isArray(columns) || columns.length !== frame.columns.length) return undefined
  for (let place = 0; place < columns.length; place++) if (columns[place] !== frame.columns[place]) return undefined
  const at = onlyPlace(text, '"data"')
  if (at < 0 || onlyPlace(text, '"columns"') < 0 || onlyPlace(text, '"dataframe_split"') < 0) return undefined
  const colon = START.exec(text.slice(at + 6, at + 6 + LONGEST_GAP))
  const tail = END.exec(text.slice(-LONGEST_GAP))
  if (!colon || !tail) return undefined
  return text.slice(at + 6 + colon[0].length - 1, text.length - tail[0].length + 1)
}

const BREAKS = /[\\\n\r]/
const START = /^[ \t]*:[ \t]*\[/
const END = /\][ \t]*\}[ \t]*\}[ \t]*$/
/** Spaces that are looked through; who writes more is written anew. */
const LONGEST_GAP = 16

function onlyPlace(text: string, word: string): number {
  const first = text.indexOf(word)
  return first >= 0 && text.indexOf(word, first + 1) < 0 ? first : -1
}

function onlyValue(body: unknown, key: string): unknown {
  if (!isRecord(body)) return undefined
  const keys = Object.keys(body)
  return keys.length === 1 && keys[0] === key ? body[key] : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
