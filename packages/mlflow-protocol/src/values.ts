import { invalid } from './errors.ts'
import { pythonText } from './python.ts'
import { type Token, tokenize } from './tokens.ts'

/** The text of a value. @throws MlflowError for a word without quotes. */
export function textValue(token: Token): string {
  const { text } = token
  if (text.length >= 2 && /^(?:'[\s\S]*'|"[\s\S]*")$/.test(text)) return text.slice(1, -1)
  throw invalid(
    `Parameter value is either not quoted or unidentified quote types used for string value ${text}. Use either single or double quotes.`,
  )
}

const LIST = 'While parsing a list in the query, expected'

/** The values of a list in parentheses; text beside text is one, as in Python. @throws MlflowError for an empty one, or one of other things. */
export function listValues(group: string): string[] {
  const values: string[] = []
  let open = false
  let numbers = 0
  for (const token of tokenize(group.slice(1, -1))) {
    if (token.kind === 'text' || token.kind === 'quoted') {
      const value = token.text.slice(1, -1)
      if (open) values[values.length - 1] += value
      else values.push(value)
      open = true
    } else if (token.kind === 'number' && !open) {
      values.push(token.text)
      numbers += 1
      open = true
    } else if (token.kind === 'comma' && open) {
      open = false
    } else {
      throw invalid(`${LIST} a non-empty list of string values, but got ill-formed list.`)
    }
  }
  if (values.length === 0) throw invalid(`${LIST} a non-empty list of string values, but got empty list`)
  if (numbers > 0) {
    const shown = values.map((value) => (Number.isNaN(Number(value)) ? pythonText(value) : value))
    const tuple = shown.length === 1 ? `(${shown[0]},)` : `(${shown.join(', ')})`
    throw invalid(`${LIST} string value, punctuation, or whitespace, but got different type in list: ${tuple}`)
  }
  return values
}
