/** Longest caller or business key, in characters. */
export const MAX_KEY_LENGTH = 256

// Deeper nesting than any model asks for; what walks a value may then recurse.
const MAX_DEPTH = 64

/** Text that the log's readers can store: PostgreSQL takes neither NUL nor half of a surrogate pair. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What keeps a parsed value from being plain JSON that can be logged; null when nothing does. */
export function plainProblem(value: unknown, depth = 0): string | null {
  if (typeof value === 'string') return isPlainText(value) ? null : 'text that is not Unicode'
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'a number that is not finite'
  if (typeof value !== 'object' || value === null) return null
  if (depth === MAX_DEPTH) return `values nested deeper than ${MAX_DEPTH}`
  if (Array.isArray(value)) {
    for (const item of value) {
      const problem = plainProblem(item, depth + 1)
      if (problem) return problem
    }
    return null
  }
  for (const [name, item] of Object.entries(value)) {
    const problem = isPlainText(name) ? plainProblem(item, depth + 1) : 'text that is not Unicode'
    if (problem) return problem
  }
  return null
}
