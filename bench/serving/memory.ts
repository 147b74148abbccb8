/** Memory of a gateway that serves twenty models in ONNX, beside `mlflow models serve` with one of them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processTree, pssMegabytes } from '../processes.ts'
import type { Row } from '../report.ts'
import { type Ours, pythonOf, serve, startStock } from './contestants.ts'
import { load } from './load.ts'

const MODELS = 20
const GOAL_MEGABYTES = 400
/** Long enough for the first answers to be asked of Python again, one version after the other, and for that Python to end. */
const WATCHED_SECONDS = 150
const QUICK_SECONDS = 45

/**
 * Serves them all, asks each for one row and for a thousand, and watches the gateway's processes. What is asked of Python again is among them: that
 * Python, which works off the request path and ends, is told apart.
 * @param folder with `many-1` and so on, as models.py wrote them
 */
export async function memoryOfMany(ours: Ours, folder: string, quick: boolean): Promise<Row[]> {
  const files = join(folder, 'many-1')
  const [one, thousand] = [join(files, 'one.json'), join(files, 'thousand.json')]
  const served: string[] = []
  for (let number = 1; number <= MODELS; number++) {
    const { url, runtime } = await serve(ours, `bench-many-${number}`, await readFile(one))
    if (runtime !== 'onnx') throw new Error(`Model ${number} of ${MODELS} runs in ${runtime}, and all should in ONNX.`)
    served.push(url)
  }
  for (const url of served)
    for (const body of [one, thousand]) await load(url, body, [], { concurrency: 8, seconds: 1 })
  const pid = ours.gatewayPid()
  let [largest, together, settled] = [0, 0, 0]
  const until = performance.now() + (quick ? QUICK_SECONDS : WATCHED_SECONDS) * 1000
  while (performance.now() < until) {
    settled = pssMegabytes([pid])
    largest = Math.max(largest, settled)
    together = Math.max(together, pssMegabytes(processTree(pid)))
    await sleep(500)
  }
  const stock = await startStock(await pythonOf('worker.txt'), join(files, 'model'))
  try {
    await load(stock.url, thousand, stock.roots(), { concurrency: 8, seconds: 1 })
    const peer = stock.megabytes()
    const line = (claim: string, megabytes: number): Row => ({
      claim,
      peer,
      ours: megabytes,
      unit: 'MB',
      ratio: peer / megabytes,
      goal: `≤ ${GOAL_MEGABYTES}`,
      met: megabytes <= GOAL_MEGABYTES,
    })
    return [
      line(`gateway with ${MODELS} models (onnx), against mlflow with one: largest`, largest),
      line(`gateway with ${MODELS} models (onnx), and the Python that is asked again: largest`, together),
    ]
  } finally {
    await stock.stop()
  }
}
