import assert from 'node:assert/strict'

/** Calls MLflow's API; anything but 200 fails the test. */
export async function callMlflow(
  server: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${server}/api/2.0/mlflow/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  assert.equal(response.status, 200, `${path}: ${text}`)
  return JSON.parse(text) as Record<string, unknown>
}

export interface FoundRun {
  readonly info: { readonly run_id: string; readonly start_time: number }
  readonly data: {
    readonly metrics?: { key: string; value: number | string }[]
    readonly params?: { key: string; value: string }[]
    readonly tags?: object[]
  }
}

/** All pages of a search of runs, of which there are at most so many. */
export async function everyPage(server: string, question: object, most: number): Promise<FoundRun[]> {
  const found: FoundRun[] = []
  let token: string | undefined
  do {
    const page = (await callMlflow(server, 'POST', 'runs/search', { ...question, page_token: token })) as {
      runs?: FoundRun[]
      next_page_token?: string
    }
    found.push(...(page.runs ?? []))
    token = page.next_page_token
    assert.ok(found.length <= most, 'pages end')
  } while (token)
  return found
}
