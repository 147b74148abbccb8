// How Python shows values: MLflow's messages hold them, and clients match on some.

/** Python's `repr` of text: in single quotes, or in double ones when it holds a single one and no double one. */
export function pythonText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(quote, `\\${quote}`)
  return `${quote}${escaped}${quote}`
}

export function pythonList(list: readonly string[]): string {
  return `[${list.map(pythonText).join(', ')}]`
}

/** A set; Python shows its items in any order, here they are sorted. */
export function pythonSet(items: readonly string[]): string {
  return `{${items.toSorted().map(pythonText).join(', ')}}`
}

export function pythonTuple(items: readonly string[]): string {
  return items.length === 1 ? `(${pythonText(items[0] ?? '')},)` : `(${items.map(pythonText).join(', ')})`
}

/** A float: always with a point or an exponent. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return `${value}.0`
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2')
}

/** A JSON value as Python would show it once parsed. */
export function pythonValue(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return pythonText(value)
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`
  if (typeof value === 'object') {
    const items = Object.entries(value).map(([key, inner]) => `${pythonText(key)}: ${pythonValue(inner)}`)
    return `{${items.join(', ')}}`
  }
  return String(value)
}
