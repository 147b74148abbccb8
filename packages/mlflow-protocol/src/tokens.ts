import { invalid } from './errors.ts'

/**
 * A word of a filter, in the classes that MLflow's tokenizer has. `name` is a key, dotted or not, whose parts may be quoted; `quoted` is text in
 * double quotes alone: a key before an operator, a value after it. `group` is all between two parentheses. `other` begins nothing.
 */
export interface Token {
  readonly kind:
    | 'name'
    | 'quoted'
    | 'text'
    | 'number'
    | 'operator'
    | 'arithmetic'
    | 'keyword'
    | 'placeholder'
    | 'group'
    | 'comma'
    | 'semicolon'
    | 'other'
  readonly text: string
  readonly start: number
  readonly end: number
}

const MAX_LENGTH = 1_000_000
/** Room for a list of 10,000 ids; reading that many takes some 50 ms. */
const MAX_WORDS = 20_000
const KEYWORD = String.raw`(?:NOT\s+NULL|AND|OR|NOT|IN|IS|NULL|LIKE|ILIKE|RLIKE|BETWEEN|ASC|DESC|AS)(?![\p{L}\p{N}_.])`
const PART = String.raw`(?:${'`[^`]*`'}|"[^"]*"|'[^']*'|\p{N}*[\p{L}_][\p{L}\p{N}_]*)`
const FIRST = String.raw`(?:${'`[^`]*`'}|[\p{L}_][\p{L}\p{N}_]*)`

// Each alternative begins with another character and none backtracks over more than its own word, so that a long filter costs linear time.
const TOKEN = new RegExp(
  [
    String.raw`(?<space>\s+)`,
    String.raw`(?<other>--[^\n]*|0[xX][0-9a-fA-F]+)`,
    `(?<keyword>${KEYWORD})`,
    String.raw`(?<quoted>"[^"]*"(?!\.))`,
    String.raw`(?<name>(?:${FIRST}|"[^"]*"(?=\.))(?:\.${PART})*(?:\.(?!\p{N}))?)`,
    String.raw`(?<text>'(?:''|\\'|[^'])*')`,
    String.raw`(?<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)`,
    '(?<operator>[<>=~!]+)',
    String.raw`(?<arithmetic>\|\||[+*/%])`,
    String.raw`(?<placeholder>\?|[:@$][\p{L}\p{N}_]*)`,
    '(?<comma>,)',
    '(?<semicolon>;)',
  ].join('|'),
  'iuy',
)

/** Splits a filter into its words; what begins none is a word of one character. @throws MlflowError for one too long. */
export function tokenize(text: string): Token[] {
  if (text.length > MAX_LENGTH) throw invalid(`A filter may have at most ${MAX_LENGTH} characters.`)
  const flat: Token[] = []
  // Where the last comment could end: behind it a search for another end would be in vain, and quadratic.
  const lastCommentEnd = text.lastIndexOf('*/')
  let at = 0
  while (at < text.length) {
    TOKEN.lastIndex = at
    const comment = text.startsWith('/*', at) && at + 2 <= lastCommentEnd
    const groups = comment ? undefined : TOKEN.exec(text)?.groups
    const kind = groups ? Object.keys(groups).find((name) => groups[name] !== undefined) : 'other'
    const end = comment ? text.indexOf('*/', at + 2) + 2 : groups ? TOKEN.lastIndex : at + 1
    if (flat.length >= MAX_WORDS) throw invalid(`A filter may have at most ${MAX_WORDS} words.`)
    if (kind !== 'space') flat.push({ kind: kind as Token['kind'], text: text.slice(at, end), start: at, end })
    at = end
  }
  return withGroups(flat, text)
}

/** Folds what lies between matching parentheses into one word each; one pass, whatever the nesting. */
function withGroups(flat: readonly Token[], text: string): Token[] {
  const folded: Token[] = []
  const open: number[] = []
  for (const token of flat) {
    if (token.text === '(') open.push(folded.length)
    const begin = token.text === ')' ? open.pop() : undefined
    const first = begin === undefined ? undefined : folded[begin]
    if (begin !== undefined && first) {
      folded.length = begin
      folded.push({ kind: 'group', text: text.slice(first.start, token.end), start: first.start, end: token.end })
    } else {
      folded.push(token)
    }
  }
  return folded
}
