import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '@tidemark/contracts'
import { z } from 'zod'
import { prepared } from './conversions/prepared.ts'
import { type Site, startPlatform } from './platform.ts'
import { runScript } from './python.ts'
import { serve } from './serving.ts'

const FIXTURE = 'apps/cli/src/journeys/fixtures/log_networks.py'
/** An environment that was never built is downloaded first. */
const WITHIN_MS = 900_000
/** Several versions take turns with their Python, which imports its library first. */
const RECHECKED_WITHIN_MS = 240_000
const Told = z.record(
  z.string(),
  z.object({ inputs: z.record(z.string(), z.array(z.json())), answers: z.array(z.json()) }),
)
type Told = z.infer<typeof Told>[string]

/** Where each model runs, and why not as ONNX. */
const EXPECTED: Record<string, Record<string, 'onnx' | RegExp>> = {
  keras: {
    'keras-perceptron': 'onnx',
    'keras-named': 'onnx',
    'keras-pictures': 'onnx',
    'keras-series': 'onnx',
    'keras-two-outputs': /It has 2 outputs/,
  },
  torch: {
    'torch-perceptron': 'onnx',
    'torch-pickled': 'onnx',
    'torch-pictures': 'onnx',
    'torch-series': 'onnx',
    'torch-words': 'onnx',
    'torch-branches': /PyTorch's exporter cannot follow it/,
  },
}
const LOCKS: Record<string, string> = { keras: 'tensorflow.txt', torch: 'torch.txt' }

for (const [library, models] of Object.entries(EXPECTED)) {
  test(`${library}: networks are converted, compared and served, and answer over each protocol as they do in Python`, async (t) => {
    const site = await startPlatform('networks')
    try {
      const said = await runScript(LOCKS[library] ?? '', FIXTURE, site.connection.url, [library])
      const told = Told.parse(JSON.parse(said.slice(said.indexOf('told ') + 'told '.length)))
      assert.deepEqual(Object.keys(told), Object.keys(models))
      for (const [model, expected] of Object.entries(models)) {
        const { verdict, runtime } = await prepared(site.connection, model, WITHIN_MS)
        t.diagnostic(`${model}: ${verdict?.sentence}`)
        assert.equal(runtime, expected === 'onnx' ? 'onnx' : 'python')
        if (expected !== 'onnx') assert.match(verdict?.sentence ?? '', expected)
        assert.deepEqual(await serve(site.connection.client, model, WITHIN_MS), { state: 'serving', problem: null })
        const own = told[model]
        assert.ok(own)
        const tolerance = expected === 'onnx' ? (verdict?.tolerance ?? 0) : 1e-5
        await site.connection.client.deployments.putEndpoint({
          params: { endpoint: model },
          body: { model, version: 1, policy: { recheck: { sharePercent: 100, minPerHour: 0 } } },
        })
        await assertAnswers(site.connection, model, own, tolerance)
        if (expected === 'onnx') await assertAskedAgain(site.connection, model)
      }
      t.diagnostic(`first answer of a converted model: ${await firstAnswer(site.connection, told)} ms`)
    } finally {
      await site.end()
    }
  })
}

/** Each row alone, then all that are answered together; by MLflow's protocol, TensorFlow Serving's, and V2. */
async function assertAnswers(
  { gatewayUrl }: Site['connection'],
  model: string,
  { inputs, answers }: Told,
  tolerance: number,
): Promise<void> {
  const names = Object.keys(inputs)
  const part = (rows: readonly number[]): JsonValue =>
    names[0] === ''
      ? rows.map((row) => inputs['']?.[row] ?? null)
      : Object.fromEntries(names.map((name) => [name, rows.map((row) => inputs[name]?.[row] ?? null)]))
  const ask = async (path: string, body: unknown) => {
    const reply = await fetch(`${gatewayUrl}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: JSON_HEADERS,
    })
    return { status: reply.status, body: (await reply.json()) as Record<string, JsonValue> }
  }
  const scoring = `/endpoints/${model}/invocations`
  for (const [row, expected] of answers.entries()) {
    const { status, body } = await ask(scoring, { inputs: part([row]) })
    assert.equal(status, expected === null ? 500 : 200, `${model}, row ${row}: ${JSON.stringify(body)}`)
    if (expected !== null)
      assertNear(body.predictions, together([expected], answers), tolerance, `${model}, row ${row}`)
  }
  const answered = answers.flatMap((answer, row) => (answer === null ? [] : [row]))
  const expected = together(
    answered.map((row) => answers[row] ?? null),
    answers,
  )
  const asked = part(answered)
  for (const [path, body, read] of [
    [scoring, { instances: Array.isArray(asked) ? asked : rowsOf(asked, answered.length) }, 'predictions'],
    [`/v1/models/${model}:predict`, { inputs: asked }, 'outputs'],
    [
      `/v1/models/${model}:predict`,
      { instances: Array.isArray(asked) ? asked : rowsOf(asked, answered.length) },
      'predictions',
    ],
  ] as const) {
    const { status, body: reply } = await ask(path, body)
    assert.equal(status, 200, `${model} at ${path}: ${JSON.stringify(reply)}`)
    assertNear(reply[read], expected, tolerance, `${model} at ${path}`)
  }
  // Several outputs are JSON in a text there.
  if (Array.isArray(answers[0]) && Array.isArray(answers[0][0])) return
  const { inputs: tensors } = (await (await fetch(`${gatewayUrl}/v2/models/${model}`)).json()) as { inputs: Tensor[] }
  const infer = tensors.map(({ name, datatype }) => {
    const values = answered.map((row) => inputs[names[0] === '' ? '' : name]?.[row] ?? null)
    return { name, datatype, shape: shapeOf(values), data: values }
  })
  const { status, body } = await ask(`/v2/models/${model}/infer`, { inputs: infer })
  assert.equal(status, 200, `${model} by V2: ${JSON.stringify(body)}`)
  const flat = (body.outputs as { data: JsonValue[] }[]).flatMap(({ data }) => data.flat(3))
  assertNear(flat as JsonValue, (expected as JsonValue[]).flat(3) as JsonValue, tolerance, `${model} by V2`)
}

interface Tensor {
  readonly name: string
  readonly datatype: string
}

function shapeOf(value: JsonValue | undefined): number[] {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : []
}

/** Python was asked again what was answered as ONNX, and found nothing else: the version goes on as it was. */
async function assertAskedAgain({ client, gatewayUrl }: Site['connection'], model: string): Promise<void> {
  const count = async (outcome: string): Promise<number> => {
    const metrics = await (await fetch(`${gatewayUrl}/metrics`)).text()
    const line = metrics
      .split('\n')
      .find((each) => each.includes(`rechecks_total{endpoint="${model}",outcome="${outcome}"}`))
    return Number(line?.split(' ').at(-1) ?? 0)
  }
  for (const until = Date.now() + RECHECKED_WITHIN_MS; (await count('same')) === 0; ) {
    assert.ok(Date.now() < until, `no answer of ${model} was asked again`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  assert.equal(await count('different'), 0)
  const { switched, runtime } = await client.runtimes.getVersionRuntime({ params: { model, version: 1 } })
  assert.deepEqual([switched, runtime], [null, 'onnx'])
}

const JSON_HEADERS = { 'content-type': 'application/json' }

function rowsOf(asked: JsonValue, rows: number): JsonValue[] {
  const lists = Object.entries(asked as Record<string, JsonValue[]>)
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(lists.map(([name, list]) => [name, list[row] ?? null])),
  )
}

/** Answers of several rows as `predict` gives them: of several outputs a list for each. */
function together(rows: readonly JsonValue[], all: readonly JsonValue[]): JsonValue {
  const first = all[0]
  if (!Array.isArray(first) || !Array.isArray(first[0])) return [...rows]
  return first.map((_, output) => rows.map((row) => (row as JsonValue[])[output] ?? null))
}

function assertNear(got: JsonValue | undefined, wanted: JsonValue, tolerance: number, what: string): void {
  if (Array.isArray(wanted)) {
    assert.ok(
      Array.isArray(got) && got.length === wanted.length,
      `${what}: ${JSON.stringify(got)} for ${JSON.stringify(wanted)}`,
    )
    for (const [place, item] of wanted.entries()) assertNear(got[place], item, tolerance, what)
    return
  }
  const near = typeof got === 'number' && typeof wanted === 'number' && Math.abs(got - wanted) <= tolerance
  assert.ok(near, `${what}: ${JSON.stringify(got)} for ${JSON.stringify(wanted)}`)
}

/** Of the first model, on an endpoint of its own: from its declaration to the answer, in milliseconds. */
async function firstAnswer({ client, gatewayUrl }: Site['connection'], told: Record<string, Told>): Promise<number> {
  const [[model = '', own] = []] = Object.entries(told)
  const row = own?.answers.findIndex((answer) => answer !== null) ?? 0
  const begun = performance.now()
  await client.deployments.putEndpoint({ params: { endpoint: 'first' }, body: { model, version: 1 } })
  for (;;) {
    const reply = await fetch(`${gatewayUrl}/endpoints/first/invocations`, {
      method: 'POST',
      headers: JSON_HEADERS,
      body: JSON.stringify({ inputs: own?.inputs['']?.slice(row, row + 1) }),
    })
    await reply.arrayBuffer()
    if (reply.status === 200) return Math.round(performance.now() - begun)
    assert.ok(performance.now() - begun < 60_000, `it answers ${reply.status}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
