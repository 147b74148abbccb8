import type { JsonValue } from '@tidemark/contracts'

/** The request as a command of a POSIX shell. */
export function curlSnippet(url: string, body: Record<string, JsonValue>): string {
  // Within '…' only ' itself has a meaning.
  const quoted = JSON.stringify(body).replaceAll("'", `'\\''`)
  return `curl -s ${url} \\\n  -H 'content-type: application/json' \\\n  -d '${quoted}'`
}

/** The request with the platform's Python package. */
export function pythonSnippet(server: string, endpoint: string, body: Record<string, JsonValue>): string {
  const data = body.dataframe_records ?? body.inputs ?? []
  return [
    `# export TIDEMARK_URL=${server}`,
    'import tidemark',
    '',
    `answer = tidemark.predict(${python(endpoint)}, ${python(data)}, caller="me", entity=None)`,
    'print(answer.id, answer.version, answer.values)',
  ].join('\n')
}

function python(value: JsonValue): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([name, cell]) => `${JSON.stringify(name)}: ${python(cell)}`)
      .join(', ')}}`
  return JSON.stringify(value)
}
