/**
 * The least that serves a model: Fastify and onnxruntime-node, no check, no log. `bare.ts MODEL.onnx PORT` reads `dataframe_split`; a model with
 * one input gets the row as it is, one with more gets a tensor for each column.
 */
import Fastify from 'fastify'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const [model = '', port = ''] = process.argv.slice(2)
const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 })
const [only] = session.inputNames
const [output = ''] = session.outputNames
const strings = new Set(
  session.inputMetadata.flatMap((input) => (input.isTensor && input.type === 'string' ? [input.name] : [])),
)

interface Body {
  readonly dataframe_split: { readonly columns: string[]; readonly data: (number | string | null)[][] }
}

function feedsOf({ columns, data }: Body['dataframe_split']): Record<string, Tensor> {
  if (session.inputNames.length === 1 && only !== undefined) {
    const cells = new Float32Array(data.length * columns.length)
    let place = 0
    for (const row of data) for (const cell of row) cells[place++] = cell === null ? Number.NaN : Number(cell)
    return { [only]: new Tensor('float32', cells, [data.length, columns.length]) }
  }
  const feeds: Record<string, Tensor> = {}
  for (const [column, name] of columns.entries()) {
    const cells = data.map((row) => row[column] ?? null)
    feeds[name] = strings.has(name)
      ? new Tensor(
          'string',
          cells.map((cell) => (cell === null ? '' : String(cell))),
          [data.length, 1],
        )
      : new Tensor(
          'float32',
          Float32Array.from(cells, (cell) => (cell === null ? Number.NaN : Number(cell))),
          [data.length, 1],
        )
  }
  return feeds
}

const app = Fastify({ bodyLimit: 64 * 1024 * 1024 })
app.post('/invocations', async (request) => {
  const { [output]: answer } = await session.run(feedsOf((request.body as Body).dataframe_split), [output])
  return { predictions: Array.from(answer?.data as ArrayLike<number | bigint>, Number) }
})
app.get('/ping', async () => '')
await app.listen({ host: '127.0.0.1', port: Number(port) })
