import { invalid } from './errors.ts'

/** A word of a filter. `quoted` is text in double quotes alone: a key before an operator, a value after it. */
export interface Token {
  readonly kind: 'name' | 'quoted' | 'text' | 'number' | 'operator' | 'list'
  readonly text: string
}

// Each alternative begins with another character and none backtracks, so that a long filter costs linear time.
const TOKEN =
  /(?<space>\s+)|(?<quoted>"[^"]*"(?!\.))|(?<name>(?:`[^`]*`|[\p{L}_][\p{L}\p{N}_]*)(?:\.(?:`[^`]*`|"[^"]*"|[\p{L}\p{N}_]+))*)|(?<text>'[^']*(?:''[^']*)*')|(?<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<operator>>=|<=|!=|=|<|>)|(?<list>\((?:'[^']*'|"[^"]*"|[^()'"])*\))/uy

const MAX_LENGTH = 100_000

/** Splits a filter into its words. @throws MlflowError at the first character that begins none. */
export function tokenize(text: string): Token[] {
  if (text.length > MAX_LENGTH) throw invalid(`A filter may have at most ${MAX_LENGTH} characters.`)
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    const groups = match?.groups
    if (!match || !groups) throw invalid(`Invalid clause(s) in filter string: '${text.slice(from, from + 40)}'`)
    const found = Object.entries(groups).find(([, value]) => value !== undefined)
    if (found && found[0] !== 'space') tokens.push({ kind: found[0] as Token['kind'], text: match[0] })
  }
  return tokens
}
